<?php

declare(strict_types=1);

// The tests need no Magento and no Composer: only Sending/ is loaded.
spl_autoload_register(static function (string $class): void {
    $prefix = 'Orderstream\\Webhook\\Sending\\';
    if (str_starts_with($class, $prefix)) {
        require __DIR__ . '/../Sending/' . substr($class, strlen($prefix)) . '.php';
    }
});
