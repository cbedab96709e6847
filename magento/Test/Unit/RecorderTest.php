<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Adapter\ConnectionException;
use Magento\Framework\DB\Adapter\DeadlockException;
use Magento\Framework\DB\Adapter\LockWaitException;
use Magento\Framework\MessageQueue\PublisherInterface;
use Orderstream\Webhook\Model\Lease;
use Orderstream\Webhook\Model\Outbox;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Model\Settings;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Test\Support\Connection;
use PHPUnit\Framework\TestCase;
use Psr\Log\LoggerInterface;

class RecorderTest extends TestCase
{
    private Connection $default;

    /** @var list<string> "kind id" of each row */
    private array $rows = [];

    /** @var list<string> what a nudge touched */
    private array $asked = [];

    private ?\Throwable $fails = null;
    private int $logged = 0;

    protected function setUp(): void
    {
        $this->default = new Connection();
    }

    public function testASaveIsNotedInItsOwnTransaction(): void
    {
        $this->default->level = 1;
        $recorder = $this->recorder($this->default);
        $this->save($recorder, Delivery::ORDER, 7);
        $this->save($recorder, Delivery::CUSTOMER, 8);
        self::assertSame(['order 7', 'customer 8'], $this->rows);
    }

    public function testAnOrderOfASplitDatabaseIsNotedBehindItsCommit(): void
    {
        $sales = new Connection(1);
        $recorder = $this->recorder($sales);
        $this->save($recorder, Delivery::ORDER, 7);
        $this->save($recorder, Delivery::CUSTOMER, 8);
        self::assertSame(['customer 8'], $this->rows, 'a dispatcher would send the order as it was before');
        $recorder->nudge();
        self::assertSame(['customer 8'], $this->rows, 'the commit was one of a customer');
        $sales->level = 0;
        $recorder->nudge();
        $recorder->nudge();
        self::assertSame(['customer 8', 'order 7'], $this->rows);
    }

    public function testWhatIsNotedOutsideATransactionIsNotedAtOnce(): void
    {
        $this->save($this->recorder(new Connection()), Delivery::ORDER, 7);
        self::assertSame(['order 7'], $this->rows);
    }

    public function testTheQueueIsToldBehindTheOutermostCommitOnly(): void
    {
        $recorder = $this->recorder($this->default);
        $this->default->level = 1;  // Magento says `_delete_commit_after` behind an inner commit too
        $recorder->nudge();
        self::assertSame([], $this->asked);
        $this->default->level = 0;
        $recorder->nudge();
        self::assertSame(['lease', Recorder::TOPIC], $this->asked);
    }

    /** @return array<string, array{\Throwable, bool}> */
    public static function failures(): array
    {
        return [
            'a deadlock undid the order too' => [new DeadlockException(), true],
            'a time-out may have' => [new LockWaitException(), true],
            'a lost connection has' => [new ConnectionException(), true],
            'the table is missing' => [new \RuntimeException(), false],
        ];
    }

    /** @dataProvider failures */
    public function testACheckoutFailsOnlyWhereItsTransactionIsGone(\Throwable $error, bool $isTold): void
    {
        $this->fails = $error;
        $told = null;
        try {
            $this->save($this->recorder($this->default), Delivery::ORDER, 7);
        } catch (\Throwable $told) {
        }
        self::assertSame($isTold ? $error : null, $told);
        self::assertSame($isTold ? 0 : 1, $this->logged);
    }

    private function save(Recorder $recorder, string $kind, int $id): void
    {
        $recorder->note("{$kind}_save_after", $kind, $id, new Scope());
    }

    private function recorder(Connection $sales): Recorder
    {
        $resource = $this->createStub(ResourceConnection::class);
        $resource->method('getConnection')
            ->willReturnCallback(fn (string $name = 'default'): Connection => $name === 'sales' ? $sales : $this->default);
        $outbox = $this->createStub(Outbox::class);
        $outbox->method('note')->willReturnCallback(function (string $event, string $kind, int $id): void {
            $this->rows[] = "$kind $id";
            if ($this->fails !== null) {
                throw $this->fails;
            }
        });
        $settings = $this->createStub(Settings::class);
        $settings->method('isToBeNoted')->willReturn(true);
        $logger = $this->createStub(LoggerInterface::class);
        $logger->method('critical')->willReturnCallback(function (): void {
            $this->logged++;
        });

        $lease = $this->createStub(Lease::class);
        $lease->method('ask')->willReturnCallback(fn (): bool => $this->touch('lease'));
        $publisher = $this->createStub(PublisherInterface::class);
        $publisher->method('publish')->willReturnCallback(fn (string $topic): bool => $this->touch($topic));

        return new Recorder($resource, $outbox, $lease, $settings, $publisher, $logger);
    }

    private function touch(string $what): bool
    {
        $this->asked[] = $what;

        return true;
    }
}
