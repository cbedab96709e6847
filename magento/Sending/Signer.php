<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * Signs a body twice: as every receiver of the blueprint's header expects it, and with the time, so
 * that a captured request is worthless a few minutes later.
 */
class Signer
{
    public const HEADER = 'X-Magento-Signature';
    public const WINDOW_HEADER = 'X-Orderstream-Signature';

    /** @param string $secret the first when several are separated by commas */
    public function __construct(private string $secret)
    {
        $this->secret = trim(explode(',', $secret)[0]);
        if ($this->secret === '') {
            throw new \InvalidArgumentException('the secret is empty');
        }
    }

    /** @return array<string, string> the headers of one attempt at $unixSeconds */
    public function headers(string $body, int $unixSeconds): array
    {
        $plain = hash_hmac('sha256', $body, $this->secret);
        $timed = hash_hmac('sha256', $unixSeconds . '.' . $body, $this->secret);

        return [
            self::HEADER => 'sha256=' . $plain,
            self::WINDOW_HEADER => 't=' . $unixSeconds . ',v1=' . $timed,
        ];
    }
}
