<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** The settings, read anew each time: a consumer that runs for weeks sees a corrected secret. */
interface TargetsInterface
{
    public function of(Scope $scope): Target;
}
