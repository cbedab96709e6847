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

    public function isTaken(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** The ingress answers in JSON; a proxy on the way to it, or a wrong address, does not. */
    public function isOfTheIngress(): bool
    {
        return is_array(json_decode($this->detail, true));
    }

    public function text(): string
    {
        return trim(($this->status > 0 ? $this->status . ' ' : '') . $this->detail);
    }
}
