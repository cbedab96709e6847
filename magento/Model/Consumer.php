<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Save;
use Psr\Log\LoggerInterface;

/**
 * Takes saves out of the queue and sends them.
 *
 * A message whose consumer throws is rejected by Magento and never seen again, so nothing is thrown
 * for a failed delivery: the save is put at the end of the queue once more.
 */
class Consumer
{
    /** A message that came back waits this long, or a refusing ingress would make a busy loop. */
    private const PAUSE_SECONDS = 10;

    public function __construct(
        private readonly Settings $settings,
        private readonly Sender $sender,
        private readonly Queue $queue,
        private readonly LoggerInterface $logger,
    ) {
    }

    public function process(string $message): void
    {
        try {
            $save = Save::of($message);
        } catch (\Throwable $error) {
            $this->logger->critical('orderstream: a message of the queue is no save', ['exception' => $error]);
            return;
        }
        try {
            $this->deliver($save);
        } catch (\Throwable $error) {
            $this->logger->error("orderstream: $save->kind $save->id will be sent again", ['exception' => $error]);
            $this->putBack($save);
        }
    }

    private function deliver(Save $save): void
    {
        if (!$this->settings->isOn()) {
            $this->logger->warning("orderstream: switched off, $save->kind $save->id is not sent");
            return;
        }
        [$next, $answer] = $this->sender->send($save);
        $says = "$save->kind $save->id: status $answer->status $answer->detail";
        if ($next === RetryPolicy::GIVE_UP) {
            $this->logger->critical("orderstream: given up, $says");
        } elseif ($next === RetryPolicy::QUEUE_AGAIN) {
            $this->logger->error("orderstream: will be sent again, $says");
            $this->putBack($save);
        }
    }

    private function putBack(Save $save): void
    {
        sleep(self::PAUSE_SECONDS);
        $this->queue->put($save);
    }
}
