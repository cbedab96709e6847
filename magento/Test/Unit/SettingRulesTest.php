<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\SettingRules;
use Orderstream\Webhook\Sending\UtcTime;
use PHPUnit\Framework\TestCase;

class SettingRulesTest extends TestCase
{
    public function testAnAddressIsHttpAndNamesAHost(): void
    {
        $rules = new SettingRules();
        foreach (['', 'https://in.example.com/magento/webhook', ' http://127.0.0.1:8080 ', 'HTTPS://bücher.example'] as $good) {
            self::assertSame('', $rules->addressProblem($good), $good);
        }
        foreach (['ftp://nonsense', 'https://', 'in.example.com', 'https://a b', 'x', 'https:///x', 'javascript:1'] as $bad) {
            self::assertNotSame('', $rules->addressProblem($bad), $bad);
        }
    }

    public function testEverySecretIsLongEnough(): void
    {
        $rules = new SettingRules();
        foreach (['', '0123456789abcdef', '0123456789abcdef, fedcba9876543210'] as $good) {
            self::assertSame('', $rules->secretProblem($good), $good);
        }
        foreach (['short', '0123456789abcde', '0123456789abcdef,short', '0123456789abcdef,'] as $bad) {
            self::assertNotSame('', $rules->secretProblem($bad), $bad);
        }
    }

    public function testANumberIsWholeAndInItsBounds(): void
    {
        $rules = new SettingRules();
        self::assertTrue($rules->isNumber('1', 60));
        self::assertTrue($rules->isNumber('60', 60));
        foreach (['', '0', '61', '-1', '1.5', 'ten', '1e3'] as $bad) {
            self::assertFalse($rules->isNumber($bad, 60), $bad);
        }
    }

    public function testATimeIsOneThatTheCalendarHas(): void
    {
        $times = new UtcTime();
        self::assertSame('2026-03-14 00:00:00', $times->parsed('2026-03-14'));
        self::assertSame('2026-03-14 18:30:00', $times->parsed(' 2026-03-14 18:30'));
        foreach (['', '2026-99-99', '2026-02-30', '2026-03-14 25:00:00', 'yesterday', '14.03.2026'] as $bad) {
            try {
                $times->parsed($bad);
                self::fail("'$bad' was taken");
            } catch (\InvalidArgumentException $error) {
                self::assertStringContainsString('is no time', $error->getMessage());
            }
        }
    }
}
