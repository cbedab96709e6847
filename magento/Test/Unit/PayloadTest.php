<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Payload;
use PHPUnit\Framework\TestCase;

class PayloadTest extends TestCase
{
    private const ORDER = [
        'entity_id' => 1042,
        'increment_id' => '2000000381',
        'grand_total' => 127.44,
        'protect_code' => 'secret',
        'remote_ip' => '203.0.113.24',
        'x_forwarded_for' => '203.0.113.24',
        'items' => [
            ['item_id' => 5002, 'sku' => 'MH01'],
            ['item_id' => 5003, 'sku' => 'MH01', 'parent_item_id' => 5002, 'parent_item' => ['item_id' => 5002]],
        ],
        'payment' => [
            'method' => 'example', 'amount_paid' => 127.44, 'cc_last4' => '4242', 'cc_type' => 'VI',
            'additional_information' => ['token'], 'extension_attributes' => ['vault_payment_token' => ['x']],
        ],
        'extension_attributes' => [
            'payment_additional_info' => [['key' => 'k', 'value' => 'v']],
            'shipping_assignments' => [['shipping' => ['method' => 'flatrate'], 'items' => [['item_id' => 5002]]]],
        ],
    ];

    public function testSecretsOfTheShopperDoNotLeaveTheStore(): void
    {
        $text = (new Payload())->encode('order', self::ORDER);
        foreach (['secret', '203.0.113.24', '4242', 'token', 'payment_additional_info'] as $hidden) {
            self::assertStringNotContainsString($hidden, $text);
        }
        self::assertStringContainsString('"method":"example","amount_paid":127.44', $text);
    }

    public function testWhatIsThereTwiceIsSentOnce(): void
    {
        $clean = (new Payload())->clean(self::ORDER);
        self::assertSame(['item_id' => 5003, 'sku' => 'MH01', 'parent_item_id' => 5002], $clean['items'][1]);
        self::assertSame(
            [['shipping' => ['method' => 'flatrate']]],
            $clean['extension_attributes']['shipping_assignments'],
        );
    }

    public function testTheBodyIsTheBlueprints(): void
    {
        self::assertSame(
            '{"event":"sales_order_save_commit_after","order":{"increment_id":"1","name":"Zoë/Ünal"}}',
            (new Payload())->encode('order', ['increment_id' => '1', 'name' => 'Zoë/Ünal']),
        );
    }

    public function testAnOrderWithoutPaymentItemsOrExtensionsIsNoError(): void
    {
        self::assertSame(['increment_id' => '1'], (new Payload())->clean(['increment_id' => '1']));
    }

    public function testOddShapesStayAsTheyAre(): void
    {
        $odd = ['items' => ['x'], 'payment' => null, 'extension_attributes' => ['shipping_assignments' => ['y']]];
        self::assertSame($odd, (new Payload())->clean($odd));
    }

    public function testBrokenTextIsReplacedAndNotThrown(): void
    {
        self::assertStringContainsString(
            "\u{FFFD}",
            (new Payload())->encode('order', ['customer_firstname' => "\xC3"]),
        );
    }

    public function testACustomersPasswordHashStaysInTheStore(): void
    {
        $clean = (new Payload())->clean(['email' => 'a@b.example', 'password_hash' => 'x', 'rp_token' => 'y']);
        self::assertSame(['email' => 'a@b.example'], $clean);
    }
}
