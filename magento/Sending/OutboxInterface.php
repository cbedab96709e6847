<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * The saves that have to be sent, in a table of the store. A row is written in the transaction of the
 * save and leaves the state `waiting` only when its document was taken, or for a reason that it shows.
 *
 * One dispatcher works at a time, the one that holds the lease. The lease ends by itself, so a killed
 * process blocks nobody for longer than that.
 */
interface OutboxInterface
{
    /** The database's clock, unix seconds: one clock for all hosts. */
    public function now(): int;

    /** Take the lease when nobody holds it or its time is over. */
    public function acquire(string $owner, int $seconds): bool;

    /** Prolong the lease; false when somebody else has had it since. */
    public function renew(string $owner, int $seconds): bool;

    public function release(string $owner): void;

    /** @return list<Scope> those with something due, the longest waiting first */
    public function dueScopes(): array;

    /** The oldest due delivery of a scope, with every other waiting save of the same document. */
    public function due(Scope $scope): ?Delivery;

    /** It leaves `waiting`. */
    public function end(Delivery $delivery, string $state, string $answer): void;

    /** It stays `waiting`, with one attempt more. */
    public function later(Delivery $delivery, int $retrySeconds, string $answer): void;

    /** Note the same document once more, as if it had been saved now. */
    public function again(Delivery $delivery): void;
}
