<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** HTTP by curl: no redirects (a signature is for one address), certificates checked, bounded time. */
final class CurlTransport implements Transport
{
    private const CONNECT_SECONDS = 5;
    private const DETAIL_CHARACTERS = 500;

    public function post(string $url, array $headers, string $body, int $timeoutSeconds): Answer
    {
        $retryAfter = '';
        $lines = ['Content-Type: application/json', 'Expect:'];
        foreach ($headers as $name => $value) {
            $lines[] = $name . ': ' . $value;
        }
        $handle = curl_init($url);
        if ($handle === false) {
            return new Answer(0, 'the address cannot be used');
        }
        curl_setopt_array($handle, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => $lines,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_CONNECTTIMEOUT => min(self::CONNECT_SECONDS, $timeoutSeconds),
            CURLOPT_TIMEOUT => $timeoutSeconds,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HEADERFUNCTION => static function ($_handle, string $line) use (&$retryAfter): int {
                if (stripos($line, 'retry-after:') === 0) {
                    $retryAfter = trim(substr($line, strlen('retry-after:')));
                }
                return strlen($line);
            },
        ]);
        $answer = curl_exec($handle);
        $status = (int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
        $detail = is_string($answer) ? $answer : curl_error($handle);

        return new Answer(
            is_string($answer) ? $status : 0,
            substr($detail, 0, self::DETAIL_CHARACTERS),
            $retryAfter,
        );
    }
}
