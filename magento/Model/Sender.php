<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Payload;
use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Save;
use Orderstream\Webhook\Sending\Signer;
use Orderstream\Webhook\Sending\Transport;

/** Reads what a save is about and sends it. */
class Sender
{
    public function __construct(
        private readonly Settings $settings,
        private readonly Document $document,
        private readonly Transport $transport,
    ) {
    }

    /**
     * @param int $attempts at once, before the save goes back into the queue
     * @return array{int, Answer} as Delivery::send; a document that is gone counts as taken
     */
    public function send(Save $save, int $attempts = 5): array
    {
        $document = $this->document->read($save->kind, $save->id);
        if ($document === null) {
            return [Delivery::TAKEN, new Answer(0, "$save->kind $save->id does not exist any more")];
        }
        $policy = new RetryPolicy($attempts, $this->settings->keepTryingSeconds());

        return (new Delivery($this->transport, $policy))->send(
            $this->settings->url(),
            new Signer($this->settings->secret()),
            Payload::encode($save->event, $save->kind, $document),
            $this->settings->timeoutSeconds(),
            $save->sinceUnixSeconds,
        );
    }
}
