<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Cron;

use Orderstream\Webhook\Model\Outbox;
use Orderstream\Webhook\Sending\TargetsInterface;

/** Removes what was sent two weeks ago, and ends what was noted while a store was switched off. */
class Clean
{
    private const DAYS = 14;
    private const DAYS_SWITCHED_OFF = 30;

    public function __construct(
        private readonly Outbox $outbox,
        private readonly TargetsInterface $targets,
    ) {
    }

    public function execute(): void
    {
        foreach ($this->outbox->dueScopes() as $scope) {
            if ($this->targets->of($scope)->problem !== '') {
                $this->outbox->endOff($scope, self::DAYS_SWITCHED_OFF);
            }
        }
        $this->outbox->clean(self::DAYS);
    }
}
