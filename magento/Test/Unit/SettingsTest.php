<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Magento\Config\App\Config\Type\System;
use Magento\Config\App\Config\Type\SystemFactory;
use Magento\Framework\App\Config\ScopeCodeResolver;
use Magento\Framework\App\Config\ScopeConfigInterface;
use Magento\Framework\Encryption\EncryptorInterface;
use Magento\Framework\Exception\LocalizedException;
use Orderstream\Webhook\Model\Settings;
use Orderstream\Webhook\Sending\Scope;
use PHPUnit\Framework\TestCase;

class SettingsTest extends TestCase
{
    /** As Magento's `Fallback` makes it: each scope by its code and by its id. */
    private const STORED = [
        'default' => 'https://default.example',
        'stores/de' => 'https://de.example',
        'stores/3' => 'https://de.example',
        'stores/7' => 'https://new.example',
    ];

    public function testAStoreViewHasItsOwnAddress(): void
    {
        self::assertSame('https://de.example', $this->address(3));
    }

    /** A consumer lives for weeks, and Magento lists the store views once in the life of a process. */
    public function testAStoreViewThatIsYoungerThanTheProcessHasItsOwnAddressToo(): void
    {
        self::assertSame('https://new.example', $this->address(7));
    }

    public function testAStoreViewThatWasRemovedHasTheDefaultAddress(): void
    {
        self::assertSame('https://default.example', $this->address(9));
    }

    private function address(int $storeId): string
    {
        $config = $this->createStub(System::class);
        $config->method('get')->willReturnCallback(static function (string $path): ?array {
            $url = self::STORED[str_replace('/orderstream/webhook', '', $path)] ?? null;

            return $url === null ? null : ['enabled' => '1', 'url' => $url, 'secret' => 'of-the-store-itself'];
        });
        $fresh = $this->createStub(SystemFactory::class);
        $fresh->method('create')->willReturn($config);
        $codes = $this->createStub(ScopeCodeResolver::class);
        $codes->method('resolve')->willReturnCallback(static function (string $type, int $id): string {
            return $id === 3 ? 'de' : throw new LocalizedException();
        });

        return (new Settings(
            $fresh,
            $this->createStub(ScopeConfigInterface::class),
            $codes,
            $this->createStub(EncryptorInterface::class),
        ))->of(new Scope(Scope::STORES, $storeId))->url;
    }
}
