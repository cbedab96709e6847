<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * Sends what waits in the outbox.
 *
 * Nothing is remembered here: a process that is killed at any line leaves its rows waiting, and the
 * next look takes them up. It never sleeps either: what has to wait has a time in the table.
 */
class Dispatcher
{
    /** Longer than reading a document and posting it can take beyond the time-out of the post. */
    private const LEASE_MARGIN_SECONDS = 45;

    public function __construct(
        private readonly OutboxInterface $outbox,
        private readonly DestinationsInterface $destinations,
        private readonly TargetsInterface $targets,
        private readonly DocumentsInterface $documents,
        private readonly TransportInterface $transport,
        private readonly RetryPolicy $policy,
        private readonly Payload $payload,
        private readonly LogInterface $log,
    ) {
    }

    /**
     * @param int $seconds after which no further delivery is begun
     * @return int attempts made
     */
    public function look(int $seconds): int
    {
        $until = $this->outbox->now() + $seconds;
        $attempts = 0;
        do {
            $owner = bin2hex(random_bytes(8));
            if (!$this->outbox->acquire($owner, self::LEASE_MARGIN_SECONDS)) {
                return $attempts;  // another process is at it, and looks once more when it lets go
            }
            try {
                $attempts += $this->work($owner, $until);
            } finally {
                $this->outbox->release($owner);
            }
            // A save that was noted between the last look and the release found the lease taken.
        } while ($this->outbox->now() < $until && $this->next() !== null);

        return $attempts;
    }

    /** Sends one document now, past the table: for a person who wants to see the answer. */
    public function sendNow(string $kind, int $id, Target $target): Answer
    {
        $document = $this->documents->read($kind, $id);
        if ($document === null) {
            return new Answer(0, "$kind $id does not exist any more");
        }

        return $this->post($kind, $document, $target);
    }

    private function work(string $owner, int $until): int
    {
        $attempts = 0;
        while ($this->outbox->now() < $until && ($next = $this->next()) !== null) {
            [$delivery, $target] = $next;
            if (!$this->outbox->renew($owner, $target->timeoutSeconds + self::LEASE_MARGIN_SECONDS)) {
                return $attempts;
            }
            $attempts++;
            $this->deliver($owner, $delivery, $target);
        }

        return $attempts;
    }

    /** @return ?array{Delivery, Target} */
    private function next(): ?array
    {
        $now = $this->outbox->now();
        foreach ($this->outbox->dueScopes() as $scope) {
            $target = $this->target($scope);
            if ($target->problem !== '' || $this->destinations->state($target->url)->pausedUntil > $now) {
                continue;
            }
            $delivery = $this->outbox->due($scope);
            if ($delivery !== null) {
                return [$delivery, $target];
            }
        }

        return null;
    }

    private function target(Scope $scope): Target
    {
        try {
            return $this->targets->of($scope);
        } catch (\Throwable $error) {
            $this->log->trouble("the settings of $scope->type $scope->id cannot be read", $error);
            return new Target('', '', problem: 'the settings cannot be read');
        }
    }

    private function deliver(string $owner, Delivery $delivery, Target $target): void
    {
        try {
            $document = $this->documents->read($delivery->kind, $delivery->id);
            $answer = $document === null ? null : $this->post($delivery->kind, $document, $target);
        } catch (\Throwable $error) {
            $this->putOff($delivery, $target, $error);
            return;
        }
        if ($answer === null) {
            $this->outbox->end($delivery, Delivery::GONE, 'does not exist any more');
            return;
        }
        if (!$this->outbox->renew($owner, self::LEASE_MARGIN_SECONDS)) {
            // This process stood still for longer than its lease, and what it posted may have come
            // after a newer state that another one sent: the newest has to follow once more.
            $this->outbox->again($delivery);
            return;
        }
        $this->conclude($delivery, $target, $answer);
    }

    /** @param array<string, mixed> $document */
    private function post(string $kind, array $document, Target $target): Answer
    {
        $body = $this->payload->encode($kind, $document);
        $headers = (new Signer($target->secret))->headers($body, $this->outbox->now());
        try {
            return $this->transport->post($target->url, $headers, $body, $target->timeoutSeconds);
        } catch (\Throwable $error) {
            return new Answer(0, $error->getMessage());
        }
    }

    private function conclude(Delivery $delivery, Target $target, Answer $answer): void
    {
        $now = $this->outbox->now();
        $destination = $this->destinations->state($target->url);
        $decision = $this->policy->after($answer, $delivery, $destination, $now, $target->keepTryingSeconds);
        if ($decision->pauseSeconds > 0) {
            $until = $now + $decision->pauseSeconds;
            $this->destinations->failed($target->url, $now, $until, $answer->text());
        } elseif ($answer->isTaken()) {
            $this->destinations->took($target->url, $now);
        }
        $this->settle($delivery, $decision, $answer->text());
    }

    private function putOff(Delivery $delivery, Target $target, \Throwable $error): void
    {
        $decision = $this->policy->afterUnreadable(
            $delivery,
            $this->outbox->now(),
            $target->keepTryingSeconds,
        );
        $this->settle($delivery, $decision, 'cannot be read: ' . $error->getMessage(), $error);
    }

    private function settle(
        Delivery $delivery,
        Decision $decision,
        string $answer,
        ?\Throwable $error = null,
    ): void {
        if ($decision->state === Delivery::WAITING) {
            $this->outbox->later($delivery, $decision->retrySeconds, $answer);
        } else {
            $this->outbox->end($delivery, $decision->state, $answer);
        }
        if ($decision->state !== Delivery::SENT) {
            $what = $decision->state === Delivery::FAILED ? 'is given up' : 'will be sent again';
            $this->log->trouble("$delivery->kind $delivery->id $what: $answer", $error);
        }
    }
}
