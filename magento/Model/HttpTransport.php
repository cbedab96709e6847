<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\HTTP\Client\CurlFactory;
use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\TransportInterface;

/** HTTP by Magento's client: no redirects (a signature is for one address), bounded time. */
class HttpTransport implements TransportInterface
{
    private const CONNECT_SECONDS = 5;
    /** A receipt or refusal of the ingress has to be whole, or it cannot be told from other answers. */
    private const DETAIL_CHARACTERS = 8000;

    public function __construct(private readonly CurlFactory $clients)
    {
    }

    public function post(string $url, array $headers, string $body, int $timeoutSeconds): Answer
    {
        $client = $this->clients->create();
        // "Expect" is empty, or curl asks for leave before it sends more than 1 MB and reads two answers.
        $client->setHeaders(['Content-Type' => 'application/json', 'Expect' => ''] + $headers);
        $client->setTimeout($timeoutSeconds);
        $client->setOption(CURLOPT_CONNECTTIMEOUT, min(self::CONNECT_SECONDS, $timeoutSeconds));
        $client->setOption(CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
        $client->setOption(CURLOPT_FOLLOWLOCATION, false);
        // The client takes the first status line it sees for the answer's; a proxy on the way has one too.
        $client->setOption(CURLOPT_SUPPRESS_CONNECT_HEADERS, true);
        // The client of older Magentos takes HTTP/2's status line, which has no words, for an error.
        $client->setOption(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        try {
            $client->post($url, $body);
        } catch (\Throwable $error) {
            return new Answer(0, $error->getMessage());
        }
        $answerHeaders = array_change_key_case($client->getHeaders());

        return new Answer(
            (int) $client->getStatus(),
            mb_substr(mb_scrub((string) $client->getBody(), 'UTF-8'), 0, self::DETAIL_CHARACTERS, 'UTF-8'),
            (string) ($answerHeaders['retry-after'] ?? ''),
        );
    }
}
