<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * One save on its way through the queue: which document, and since when. Not its content: the
 * consumer reads it when it sends, so what is sent is never older than the save.
 */
final class Save
{
    public const ORDER = 'order';
    public const CUSTOMER = 'customer';

    public function __construct(
        public readonly string $event,
        public readonly string $kind,
        public readonly int $id,
        public readonly int $sinceUnixSeconds,
    ) {
        if (!in_array($kind, [self::ORDER, self::CUSTOMER], true) || $id <= 0 || $event === '') {
            throw new \InvalidArgumentException('a save names an event, order or customer, and an id');
        }
    }

    public static function of(string $text): self
    {
        $data = json_decode($text, true, 8, JSON_THROW_ON_ERROR);
        if (!is_array($data)) {
            throw new \InvalidArgumentException('a save is a JSON object');
        }

        return new self(
            (string) ($data['event'] ?? ''),
            (string) ($data['kind'] ?? ''),
            (int) ($data['id'] ?? 0),
            (int) ($data['since'] ?? 0),
        );
    }

    public function text(): string
    {
        return json_encode(
            ['event' => $this->event, 'kind' => $this->kind, 'id' => $this->id, 'since' => $this->sinceUnixSeconds],
            JSON_THROW_ON_ERROR,
        );
    }
}
