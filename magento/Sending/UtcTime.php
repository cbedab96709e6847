<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** A time as a person writes it: one that the calendar has, or MySQL compares with nothing. */
class UtcTime
{
    private const FORMATS = ['Y-m-d H:i:s', 'Y-m-d H:i', 'Y-m-d'];

    /** @return string as "2026-03-14 18:00:00" */
    public function parsed(string $text): string
    {
        foreach (self::FORMATS as $format) {
            $time = \DateTimeImmutable::createFromFormat('!' . $format, trim($text), new \DateTimeZone('UTC'));
            if ($time !== false && $time->format($format) === trim($text)) {
                return $time->format('Y-m-d H:i:s');
            }
        }
        throw new \InvalidArgumentException(
            "'$text' is no time; write \"2026-03-14\" or \"2026-03-14 18:00:00\", in UTC",
        );
    }
}
