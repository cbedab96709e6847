<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

/**
 * Magento's message queue as it was found to behave in 2.4.4 to 2.4.8 (MySQL and RabbitMQ).
 *
 * A message says "look" and holds nothing, so each of these ends may have it.
 */
class FakeQueue
{
    public const KILLED = 'killed';
    private const TRIALS = 3;

    /** @var array<int, array{state: string, trials: int, since: int}> */
    public array $messages = [];

    /** @var array<int, true> what a dead consumer had locked */
    private array $locks = [];
    private bool $isPoisoned = false;

    public function __construct(private readonly FakeStore $store)
    {
    }

    public function publish(): void
    {
        $this->messages[] = ['state' => 'new', 'trials' => 0, 'since' => $this->store->now];
    }

    /** Cron of 2.4.4 to 2.4.6 asks "is there work?" by taking the oldest message and rejecting it. */
    public function poll(): void
    {
        foreach ($this->messages as $id => $message) {
            if ($message['state'] === 'new') {
                $trials = $message['trials'] + 1;
                $state = $trials > self::TRIALS ? 'error' : 'new';
                $this->messages[$id] = ['state' => $state, 'trials' => $trials] + $message;
                return;
            }
        }
    }

    /** Somebody saved settings: a consumer that compares versions ends at its next message. */
    public function putPoisonPill(): void
    {
        $this->isPoisoned = true;
    }

    /** @param callable(): mixed $handler of one message, in a consumer's process; KILLED when it dies there */
    public function consume(callable $handler): void
    {
        $id = $this->next();
        if ($id === null) {
            return;
        }
        if ($this->isPoisoned) {
            $this->isPoisoned = false;
            $this->messages[$id]['trials']++;  // rejected, and the process is gone
            return;
        }
        if (isset($this->locks[$id])) {
            $this->messages[$id]['state'] = 'complete';  // MessageLockException: acknowledged unhandled
            return;
        }
        $this->locks[$id] = true;
        $this->messages[$id] = ['state' => 'in progress', 'since' => $this->store->now] + $this->messages[$id];
        if ($handler() === self::KILLED) {
            return;  // nobody is left who could acknowledge or unlock it
        }
        $this->messages[$id]['state'] = 'complete';
        unset($this->locks[$id]);
    }

    /** RabbitMQ gives what a dead consumer held to the next one at once. */
    public function redeliver(): void
    {
        foreach (array_keys($this->locks) as $id) {
            $this->messages[$id]['state'] = 'new';
        }
    }

    /** MySQL: only what was in progress for a day is given back. */
    public function giveBackAfterADay(): void
    {
        foreach ($this->messages as $id => $message) {
            if ($message['state'] === 'in progress' && $this->store->now - $message['since'] >= 1440 * 60) {
                $this->messages[$id]['state'] = 'new';
            }
        }
    }

    private function next(): ?int
    {
        foreach ($this->messages as $id => $message) {
            if ($message['state'] === 'new') {
                return $id;
            }
        }

        return null;
    }
}
