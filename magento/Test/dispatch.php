<?php

declare(strict_types=1);

// Saves what it is given into a fake store and lets the real dispatcher and the real transport send it:
// {"orders": [...], "url": ..., "secret": ..., "looks": 1, "seconds_between": 0} → states and answers.

use Magento\Framework\HTTP\Client\CurlFactory;
use Orderstream\Webhook\Model\HttpTransport;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Dispatcher;
use Orderstream\Webhook\Sending\Payload;
use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Test\Support\Scene;

require __DIR__ . '/bootstrap.php';

$given = json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR);
$scene = new Scene();
$scene->store->now = time();
$scene->targets['default0'] = new Target($given['url'], $given['secret'], 5);
foreach ($given['orders'] as $index => $order) {
    $scene->store->save(Delivery::ORDER, $index + 1, $order);
}
$dispatcher = new Dispatcher(
    $scene->store,
    $scene->store,
    $scene,
    $scene->store,
    new HttpTransport(new CurlFactory()),
    new RetryPolicy(),
    new Payload(),
    $scene,
);
for ($look = 0; $look < ($given['looks'] ?? 1); $look++) {
    $dispatcher->look(20);
    $scene->passes($given['seconds_between'] ?? 0);
}
printf('%s', json_encode([
    'states' => $scene->store->states(),
    'answers' => array_column($scene->store->rows, 'answer'),
    'attempts' => array_column($scene->store->rows, 'attempts'),
], JSON_THROW_ON_ERROR));
