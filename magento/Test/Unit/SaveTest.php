<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Save;
use PHPUnit\Framework\TestCase;

final class SaveTest extends TestCase
{
    public function testASaveSurvivesTheQueue(): void
    {
        $save = new Save('sales_order_save_commit_after', Save::ORDER, 1042, 1700000000);
        self::assertEquals($save, Save::of($save->text()));
    }

    /** @return iterable<string, array{string}> */
    public static function noSaves(): iterable
    {
        yield 'no JSON' => ['x'];
        yield 'a number' => ['1'];
        yield 'no id' => ['{"event":"e","kind":"order"}'];
        yield 'another kind' => ['{"event":"e","kind":"product","id":1}'];
        yield 'no event' => ['{"kind":"order","id":1}'];
    }

    /** @dataProvider noSaves */
    public function testAnythingElseIsRefused(string $text): void
    {
        try {
            Save::of($text);
        } catch (\JsonException | \InvalidArgumentException $error) {
            self::assertNotSame('', $error->getMessage());
            return;
        }
        self::fail('was taken');
    }
}
