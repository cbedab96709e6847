<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** What came back for one attempt. Status 0 means that nothing did; $detail then says why. */
class Answer
{
    public function __construct(
        public readonly int $status,
        public readonly string $detail = '',
        public readonly string $retryAfter = '',
    ) {
    }

    /**
     * Only by its receipt: a page of a web server, a gateway or a cache at a wrong address answers 200
     * as well, and what it was sent is lost.
     */
    public function isTaken(): bool
    {
        $receipt = $this->isSuccess() ? json_decode($this->detail, true) : null;

        return is_array($receipt)
            && (is_string($receipt['event_id'] ?? null) || ($receipt['ignored'] ?? null) === true);
    }

    /** The ingress says {"error": ..., "fix": ...}; gateways on the way to it speak JSON, too, but not that. */
    public function isOfTheIngress(): bool
    {
        $refusal = json_decode($this->detail, true);

        return is_array($refusal) && is_string($refusal['error'] ?? null) && is_string($refusal['fix'] ?? null);
    }

    public function text(): string
    {
        $meaning = $this->isSuccess() && !$this->isTaken() ? 'without the receipt of an orderstream ingress: ' : '';

        return trim(($this->status > 0 ? $this->status . ' ' : '') . $meaning . $this->detail);
    }

    private function isSuccess(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }
}
