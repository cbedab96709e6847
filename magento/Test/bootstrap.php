<?php

declare(strict_types=1);

// The tests need no Magento and no Composer: only what is free of Magento is loaded, the tests' own
// fakes, and what the HTTP transport and the recorder name of Magento.
spl_autoload_register(static function (string $class): void {
    $path = dirname(__DIR__) . '/' . str_replace('\\', '/', substr($class, strlen('Orderstream\\Webhook\\'))) . '.php';
    if (str_starts_with($class, 'Orderstream\\Webhook\\') && is_file($path)) {
        require $path;
    }
});
class_alias(
    \Orderstream\Webhook\Test\Support\CurlClientFactory::class,
    'Magento\\Framework\\HTTP\\Client\\CurlFactory',
);
require __DIR__ . '/magento.php';
