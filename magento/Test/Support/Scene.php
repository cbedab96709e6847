<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Dispatcher;
use Orderstream\Webhook\Sending\LogInterface;
use Orderstream\Webhook\Sending\Payload;
use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Sending\TargetsInterface;

/** A store, an ingress and as many processes as a test needs. */
class Scene implements TargetsInterface, LogInterface
{
    public const URL = 'https://ingress.example/magento/webhook';

    public FakeStore $store;
    public FakeIngress $ingress;

    /** @var array<string, Target> by type and id; every other scope has the default */
    public array $targets = [];

    /** @var list<string> */
    public array $said = [];

    public function __construct()
    {
        $this->store = new FakeStore();
        $this->ingress = new FakeIngress($this->store);
    }

    /** A process of its own: it shares nothing with another but the database. */
    public function dispatcher(): Dispatcher
    {
        return new Dispatcher(
            $this->store,
            $this->store,
            $this,
            $this->store,
            $this->ingress,
            new RetryPolicy(),
            new Payload(),
            $this,
        );
    }

    public function order(int $id, string $status = 'new', ?Scope $scope = null): void
    {
        $this->store->save(Delivery::ORDER, $id, ['increment_id' => "$id", 'status' => $status], $scope);
    }

    public function passes(int $seconds): void
    {
        $this->store->now += $seconds;
    }

    /** Cron's look, once a minute. */
    public function cronFor(int $minutes): void
    {
        for ($minute = 0; $minute < $minutes; $minute++) {
            $this->passes(60);
            $this->dispatcher()->look(50);
        }
    }

    public function of(Scope $scope): Target
    {
        return $this->targets[$scope->type . $scope->id] ?? new Target(self::URL, 'a-secret-0123456789');
    }

    public function trouble(string $text, ?\Throwable $cause = null): void
    {
        $this->said[] = $text;
    }
}
