<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\DestinationsInterface;
use Orderstream\Webhook\Sending\DestinationState;
use Orderstream\Webhook\Sending\DocumentsInterface;
use Orderstream\Webhook\Sending\OutboxInterface;
use Orderstream\Webhook\Sending\Scope;

/**
 * The store's database: its documents, the three tables, and its clock. Every call is a place at which
 * a process can be stopped for good or for a while: a Fiber that is suspended there.
 */
class FakeStore implements OutboxInterface, DestinationsInterface, DocumentsInterface
{
    public int $now = 1700000000;

    /** @var array<string, array<string, mixed>|\Throwable> by "kind id" */
    public array $documents = [];

    /** @var array<int, array<string, mixed>> */
    public array $rows = [];

    /** @var array<string, DestinationState> */
    public array $destinations = [];

    /** How many calls a process still makes before it stands still; -1: never. */
    public int $callsLeft = -1;

    private string $owner = '';
    private int $leaseUntil = 0;
    private int $lastRow = 0;

    /** One save: the document and its row are there together, or not at all. */
    public function save(string $kind, int $id, array $document, ?Scope $scope = null): void
    {
        $this->documents["$kind $id"] = $document;
        $this->rows[++$this->lastRow] = [
            'kind' => $kind, 'id' => $id, 'scope' => $scope ?? new Scope(), 'state' => Delivery::WAITING,
            'attempts' => 0, 'notedAt' => $this->now, 'nextTryAt' => $this->now, 'triedAt' => 0, 'answer' => '',
        ];
    }

    /** @return list<string> of the state of each row */
    public function states(): array
    {
        return array_values(array_column($this->rows, 'state'));
    }

    public function stopHere(): void
    {
        if ($this->callsLeft >= 0 && $this->callsLeft-- === 0 && \Fiber::getCurrent() !== null) {
            \Fiber::suspend();
        }
    }

    public function now(): int
    {
        return $this->now;
    }

    public function acquire(string $owner, int $seconds): bool
    {
        $this->stopHere();
        if ($this->owner !== '' && $this->leaseUntil >= $this->now) {
            return false;
        }
        $this->owner = $owner;
        $this->leaseUntil = $this->now + $seconds;

        return true;
    }

    public function renew(string $owner, int $seconds): bool
    {
        $this->stopHere();
        if ($this->owner !== $owner) {
            return false;
        }
        $this->leaseUntil = $this->now + $seconds;

        return true;
    }

    public function release(string $owner): void
    {
        $this->stopHere();
        if ($this->owner === $owner) {
            $this->owner = '';
        }
    }

    public function dueScopes(): array
    {
        $scopes = [];
        foreach ($this->dueRows() as $row) {
            $scopes[$row['scope']->type . $row['scope']->id] ??= $row['scope'];
        }

        return array_values($scopes);
    }

    public function due(Scope $scope): ?Delivery
    {
        $this->stopHere();
        foreach ($this->dueRows() as $row) {
            if ($row['scope'] == $scope) {
                return $this->joined($row);
            }
        }

        return null;
    }

    public function end(Delivery $delivery, string $state, string $answer): void
    {
        $this->stopHere();
        foreach ($delivery->rowIds as $rowId) {
            $this->rows[$rowId] = ['state' => $state, 'answer' => $answer] + $this->rows[$rowId];
        }
    }

    public function later(Delivery $delivery, int $retrySeconds, string $answer): void
    {
        $this->stopHere();
        foreach ($delivery->rowIds as $rowId) {
            $this->rows[$rowId] = [
                'attempts' => $delivery->attempts + 1, 'triedAt' => $this->now, 'answer' => $answer,
                'nextTryAt' => $this->now + $retrySeconds,
            ] + $this->rows[$rowId];
        }
    }

    public function again(Delivery $delivery): void
    {
        $this->stopHere();
        $document = $this->documents["$delivery->kind $delivery->id"];
        $this->save($delivery->kind, $delivery->id, $document, $delivery->scope);
    }

    public function read(string $kind, int $id): ?array
    {
        $this->stopHere();
        $document = $this->documents["$kind $id"] ?? null;
        if ($document instanceof \Throwable) {
            throw $document;
        }
        $this->stopHere();

        return $document;
    }

    public function state(string $url): DestinationState
    {
        return $this->destinations[$url] ?? new DestinationState();
    }

    public function took(string $url, int $now): void
    {
        $this->stopHere();
        $this->destinations[$url] = new DestinationState(0, 0, $now);
    }

    public function failed(string $url, int $now, int $pausedUntil, string $answer): void
    {
        $this->stopHere();
        $before = $this->state($url);
        $this->destinations[$url] = new DestinationState(
            $before->failuresInARow + 1,
            $pausedUntil,
            $before->tookAt,
        );
    }

    /** @return array<int, array<string, mixed>> */
    private function dueRows(): array
    {
        return array_filter($this->rows, fn (array $row): bool => $row['state'] === Delivery::WAITING
            && $row['nextTryAt'] <= $this->now);
    }

    /** @param array<string, mixed> $first */
    private function joined(array $first): Delivery
    {
        $same = array_filter($this->rows, static fn (array $row): bool => $row['state'] === Delivery::WAITING
            && [$row['kind'], $row['id']] === [$first['kind'], $first['id']]);

        return new Delivery(
            $first['kind'],
            $first['id'],
            $first['scope'],
            array_keys($same),
            max(array_column($same, 'attempts')),
            min(array_column($same, 'notedAt')),
            max(array_column($same, 'triedAt')),
        );
    }
}
