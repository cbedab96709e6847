<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Dispatcher;
use Psr\Log\LoggerInterface;

/**
 * Hears "look" from Magento's queue, and looks.
 *
 * Nothing hangs on the message: it may be rejected, acknowledged unread, held for a day or lost.
 */
class Consumer
{
    /** Short, so that a consumer that is asked to end does so soon; cron goes on with a long backlog. */
    private const LOOK_SECONDS = 20;

    public function __construct(
        private readonly Dispatcher $dispatcher,
        private readonly Recorder $recorder,
        private readonly LoggerInterface $logger,
    ) {
    }

    public function process(string $message): void
    {
        try {
            $this->takeOver($message);
            $this->dispatcher->look(self::LOOK_SECONDS);
        } catch (\Throwable $error) {
            $this->logger->error('orderstream: the outbox cannot be read', ['exception' => $error]);
        }
    }

    /** Messages of releases before 2.0 were the save itself: into the table with them. */
    private function takeOver(string $message): void
    {
        $save = json_decode($message, true);
        if (is_array($save) && isset($save['kind'], $save['id'])) {
            $kind = $save['kind'] === Delivery::ORDER ? Delivery::ORDER : Delivery::CUSTOMER;
            $this->recorder->note((string) ($save['event'] ?? 'queued'), $kind, (int) $save['id']);
        }
    }
}
