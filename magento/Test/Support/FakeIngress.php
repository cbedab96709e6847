<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\TransportInterface;

/** What was posted, in the order in which it came in, and what is answered. */
class FakeIngress implements TransportInterface
{
    /** @var list<array<string, mixed>> the documents of what was taken */
    public array $taken = [];

    /** @var list<array{string, array<string, string>, string}> address, headers and body of every post */
    public array $posts = [];

    /** @var \Closure(string, string): Answer by address and body */
    public \Closure $answer;

    public function __construct(private readonly FakeStore $store)
    {
        $this->answer = static fn (): Answer => new Answer(200, '{"event_id":"e"}');
    }

    public function post(string $url, array $headers, string $body, int $timeoutSeconds): Answer
    {
        $this->store->stopHere();  // the process stands still before a byte has left it
        $this->posts[] = [$url, $headers, $body];
        $answer = ($this->answer)($url, $body);
        if ($answer->isTaken()) {
            $document = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
            $this->taken[] = $document['order'] ?? $document['customer'];
        }
        $this->store->stopHere();  // taken, and the answer never heard

        return $answer;
    }

    /** @return array<string, mixed> the last state of each document that was taken, by its number */
    public function known(): array
    {
        return array_column($this->taken, null, 'increment_id');
    }
}
