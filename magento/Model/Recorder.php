<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Adapter\ConnectionException;
use Magento\Framework\DB\Adapter\DeadlockException;
use Magento\Framework\DB\Adapter\LockWaitException;
use Magento\Framework\MessageQueue\PublisherInterface;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Scope;
use Psr\Log\LoggerInterface;

/** What the observers use: note a save within its transaction, and after the commit say "look". */
class Recorder
{
    /** The queue's name is that of earlier releases, so that what they left in it is still taken. */
    public const TOPIC = 'orderstream.saved';
    public const LOOK = '{}';

    private const SALES = 'sales';

    /** @var list<array{string, string, int, Scope, string}> saves of orders that are not committed yet */
    private array $pending = [];

    public function __construct(
        private readonly ResourceConnection $resource,
        private readonly Outbox $outbox,
        private readonly Lease $lease,
        private readonly Settings $settings,
        private readonly PublisherInterface $publisher,
        private readonly LoggerInterface $logger,
    ) {
    }

    /**
     * No checkout fails because of us, and the log says what could not be noted. One exception: where the
     * database has undone the whole transaction (always at a deadlock, by its settings at a lock's time-out),
     * hiding that would lose the order itself.
     */
    public function note(string $event, string $kind, int $id, ?Scope $scope = null, string $number = ''): void
    {
        if ($id <= 0) {
            return;
        }
        try {
            if ($scope === null) {
                [$scope, $number] = $kind === Delivery::ORDER ? $this->ofOrder($id) : $this->ofCustomer($id);
            }
            if ($this->isTooEarly($kind)) {
                $this->pending[] = [$event, $kind, $id, $scope, $number];
            } elseif ($this->settings->isToBeNoted($scope)) {
                $this->outbox->note($event, $kind, $id, $scope, $number);
            }
        } catch (DeadlockException | LockWaitException | ConnectionException $error) {
            throw $error;
        } catch (\Throwable $error) {
            $this->logger->critical(
                "orderstream: $event of $kind $id is not noted; send it with orderstream:resend",
                ['exception' => $error],
            );
        }
    }

    /**
     * A message that says nothing but "look": whatever becomes of it, cron looks every minute too. Not while
     * a transaction is open, as it may be behind a delete: the lease's row would be locked for everybody.
     */
    public function nudge(): void
    {
        $this->notePending();
        try {
            if ($this->resource->getConnection()->getTransactionLevel() > 0) {
                return;
            }
            if ($this->lease->ask()) {
                $this->publisher->publish(self::TOPIC, self::LOOK);
            }
        } catch (\Throwable $error) {
            $this->logger->warning('orderstream: the queue takes no message, cron will send', ['exception' => $error]);
        }
    }

    public function orderScope(int $storeId): Scope
    {
        return $storeId > 0 ? new Scope(Scope::STORES, $storeId) : new Scope();
    }

    public function customerScope(int $websiteId): Scope
    {
        return $websiteId > 0 ? new Scope(Scope::WEBSITES, $websiteId) : new Scope();
    }

    /**
     * In a split database (Adobe Commerce) an order's transaction is one of another connection: a row
     * written within it is seen before the order is, and would be done with the order as it was before.
     */
    private function isTooEarly(string $kind): bool
    {
        $sales = $this->resource->getConnection(self::SALES);

        return $kind === Delivery::ORDER
            && $sales !== $this->resource->getConnection()
            && $sales->getTransactionLevel() > 0;
    }

    private function notePending(): void
    {
        if ($this->pending !== [] && !$this->isTooEarly(Delivery::ORDER)) {
            [$saves, $this->pending] = [$this->pending, []];
            foreach ($saves as $save) {
                $this->note(...$save);
            }
        }
    }

    /** @return array{Scope, string} */
    private function ofOrder(int $id): array
    {
        $connection = $this->resource->getConnection(self::SALES);
        $row = $connection->fetchRow(
            $connection->select()
                ->from($this->resource->getTableName('sales_order', self::SALES), ['store_id', 'increment_id'])
                ->where('entity_id = ?', $id),
        ) ?: [];

        return [$this->orderScope((int) ($row['store_id'] ?? 0)), (string) ($row['increment_id'] ?? '')];
    }

    /** @return array{Scope, string} */
    private function ofCustomer(int $id): array
    {
        $connection = $this->resource->getConnection();
        $websiteId = $connection->fetchOne(
            $connection->select()
                ->from($this->resource->getTableName('customer_entity'), ['website_id'])
                ->where('entity_id = ?', $id),
        );

        return [$this->customerScope((int) $websiteId), ''];
    }
}
