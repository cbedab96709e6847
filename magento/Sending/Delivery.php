<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Sends one body until it is taken, or says what to do with it. Signs every attempt anew. */
final class Delivery
{
    public const TAKEN = 0;

    private \Closure $clock;
    private \Closure $sleep;

    /**
     * @param ?callable(): int $clock unix seconds
     * @param ?callable(int): void $sleep seconds
     */
    public function __construct(
        private readonly Transport $transport,
        private readonly RetryPolicy $policy,
        ?callable $clock = null,
        ?callable $sleep = null,
    ) {
        $this->clock = \Closure::fromCallable($clock ?? 'time');
        $this->sleep = \Closure::fromCallable($sleep ?? 'sleep');
    }

    /** @return array{int, Answer} TAKEN, GIVE_UP or QUEUE_AGAIN, and the last answer */
    public function send(
        string $url,
        Signer $signer,
        string $body,
        int $timeoutSeconds,
        int $sinceUnixSeconds,
    ): array {
        for ($attempt = 1; ; $attempt++) {
            $now = ($this->clock)();
            $answer = $this->transport->post($url, $signer->headers($body, $now), $body, $timeoutSeconds);
            if ($answer->isTaken()) {
                return [self::TAKEN, $answer];
            }
            $next = $this->policy->next($answer, $attempt, ($this->clock)() - $sinceUnixSeconds);
            if ($next < 0) {
                return [$next, $answer];
            }
            ($this->sleep)($next);
        }
    }
}
