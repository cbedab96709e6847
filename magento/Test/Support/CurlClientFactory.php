<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

/** Stands in for the factory that Magento generates. */
class CurlClientFactory
{
    public function create(): CurlClient
    {
        return new CurlClient();
    }
}
