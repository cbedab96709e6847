<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\MessageQueue\PublisherInterface;
use Orderstream\Webhook\Sending\Save;
use Psr\Log\LoggerInterface;

/** Writes saves into Magento's message queue: one row, and the shopper's request goes on. */
class Queue
{
    public const TOPIC = 'orderstream.saved';

    public function __construct(
        private readonly PublisherInterface $publisher,
        private readonly Settings $settings,
        private readonly LoggerInterface $logger,
    ) {
    }

    /** Never throws: no checkout fails because of us. What is lost here, the log says. */
    public function noteSave(string $event, string $kind, int $id): void
    {
        try {
            if ($id > 0 && $this->settings->isOn()) {
                $this->put(new Save($event, $kind, $id, time()));
            }
        } catch (\Throwable $error) {
            $this->logger->critical(
                "orderstream: $event of $kind $id is not in the queue; send it with orderstream:resend",
                ['exception' => $error],
            );
        }
    }

    public function put(Save $save): void
    {
        $this->publisher->publish(self::TOPIC, $save->text());
    }
}
