<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Signer;
use PHPUnit\Framework\TestCase;

class SignerTest extends TestCase
{
    private const BODY = '{"order":{"increment_id":"000000123"}}';

    public function testTheBlueprintsHeaderIsTheHmacOfTheBody(): void
    {
        $headers = (new Signer('Jefe'))->headers('what do ya want for nothing?', 1);
        // RFC 4231, test case 2
        $digest = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
        self::assertSame('sha256=' . $digest, $headers['X-Magento-Signature']);
    }

    public function testTheOtherHeaderSignsTheTimeToo(): void
    {
        $headers = (new Signer('a-secret-0123456789'))->headers(self::BODY, 1700000000);
        $digest = hash_hmac('sha256', '1700000000.' . self::BODY, 'a-secret-0123456789');
        self::assertSame('t=1700000000,v1=' . $digest, $headers['X-Orderstream-Signature']);
    }

    public function testAnotherSecondIsAnotherSignature(): void
    {
        $signer = new Signer('a-secret-0123456789');
        self::assertNotSame(
            $signer->headers(self::BODY, 1)['X-Orderstream-Signature'],
            $signer->headers(self::BODY, 2)['X-Orderstream-Signature'],
        );
    }

    public function testOfSeveralSecretsTheFirstSigns(): void
    {
        self::assertSame(
            (new Signer('new-secret'))->headers(self::BODY, 1),
            (new Signer(' new-secret , old-secret'))->headers(self::BODY, 1),
        );
    }

    public function testNothingIsSignedWithAnEmptySecret(): void
    {
        $this->expectException(\InvalidArgumentException::class);
        new Signer(' ');
    }
}
