<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

/** Stands in for Magento\Framework\HTTP\Client\Curl: the same methods, real HTTP, the first status line counts. */
class CurlClient
{
    /** @var array<string, string> */
    private array $headers = [];

    /** @var array<int, mixed> */
    private array $options = [];

    /** @var array<string, string> */
    private array $answerHeaders = [];
    private int $status = 0;
    private string $body = '';

    /** @param array<string, string> $headers */
    public function setHeaders($headers): void
    {
        $this->headers = $headers;
    }

    public function setTimeout($seconds): void
    {
        $this->setOption(CURLOPT_TIMEOUT, (int) $seconds);
    }

    public function setOption($name, $value): void
    {
        $this->options[$name] = $value;
    }

    public function post($url, $body): void
    {
        $lines = array_map(
            fn (string $name): string => "$name: {$this->headers[$name]}",
            array_keys($this->headers),
        );
        $this->status = 0;
        $this->answerHeaders = [];
        $handle = curl_init($url);
        curl_setopt_array($handle, $this->options + [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => $lines,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HEADERFUNCTION => $this->hear(...),
        ]);
        $this->body = (string) curl_exec($handle);
        if (curl_errno($handle) !== 0) {
            throw new \RuntimeException(curl_error($handle));
        }
    }

    /** @return array<string, string> */
    public function getHeaders(): array
    {
        return $this->answerHeaders;
    }

    public function getStatus(): int
    {
        return $this->status;
    }

    public function getBody(): string
    {
        return $this->body;
    }

    private function hear(\CurlHandle $handle, string $line): int
    {
        if ($this->status === 0) {
            $this->status = (int) (explode(' ', trim($line), 3)[1] ?? 0);
        }
        [$name, $value] = explode(': ', trim($line), 2) + [1 => ''];
        $this->answerHeaders[$name] = $value;

        return strlen($line);
    }
}
