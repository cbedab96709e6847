<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Config\App\Config\Type\SystemFactory;
use Magento\Framework\App\Config\ScopeCodeResolver;
use Magento\Framework\App\Config\ScopeConfigInterface;
use Magento\Framework\Encryption\EncryptorInterface;
use Magento\Framework\Exception\LocalizedException;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Sending\TargetsInterface;

/**
 * The settings of Stores > Configuration > Services > Orderstream, for each website and store view.
 *
 * Magento reads its configuration once in the life of a process. A consumer lives for weeks, so each
 * read here has a reader of its own: it sees what Magento's configuration cache holds now.
 */
class Settings implements TargetsInterface
{
    private const GROUP = '/orderstream/webhook';
    private const ENABLED = 'orderstream/webhook/enabled';
    private const DAY_SECONDS = 86400;

    public function __construct(
        private readonly SystemFactory $freshConfig,
        private readonly ScopeConfigInterface $config,
        private readonly ScopeCodeResolver $codes,
        private readonly EncryptorInterface $encryptor,
    ) {
    }

    public function of(Scope $scope): Target
    {
        $values = $this->values($scope);
        $url = trim((string) ($values['url'] ?? ''));
        $secret = $this->decrypted(trim((string) ($values['secret'] ?? '')));

        return new Target(
            $url,
            $secret,
            max(1, (int) ($values['timeout_seconds'] ?? 0)),
            max(1, (int) ($values['keep_trying_days'] ?? 0)) * self::DAY_SECONDS,
            $this->problem((bool) ($values['enabled'] ?? false), $url, $secret),
        );
    }

    /**
     * Whether a save has to be noted. A page of the shop is read anew each time and knows the switch;
     * a process that lives longer may not, so it notes, and the dispatcher asks when it sends.
     */
    public function isToBeNoted(Scope $scope): bool
    {
        if (PHP_SAPI === 'cli') {
            return true;
        }
        try {
            return $scope->type === Scope::EVERYWHERE
                ? $this->config->isSetFlag(self::ENABLED)
                : $this->config->isSetFlag(self::ENABLED, $scope->type, $scope->id);
        } catch (LocalizedException) {
            return true;  // a store view or website that was removed: of() takes the default's settings
        }
    }

    private function problem(bool $isEnabled, string $url, string $secret): string
    {
        return match (true) {
            !$isEnabled => Target::SWITCHED_OFF,
            $url === '' => 'the address is not set',
            $secret === '' => 'the secret is not set',
            default => '',
        };
    }

    /** @return array<string, mixed> */
    private function values(Scope $scope): array
    {
        $config = $this->freshConfig->create();
        $values = $config->get($this->path($scope) . self::GROUP);

        return is_array($values) ? $values : (array) $config->get(Scope::EVERYWHERE . self::GROUP);
    }

    private function path(Scope $scope): string
    {
        if ($scope->type === Scope::EVERYWHERE) {
            return Scope::EVERYWHERE;
        }
        try {
            return $scope->type . '/' . $this->codes->resolve($scope->type, $scope->id);
        } catch (LocalizedException) {
            // Removed, or younger than this process, which knows its code only after a restart: Magento's
            // configuration has every scope by its id, too.
            return $scope->type . '/' . $scope->id;
        }
    }

    /** It comes decrypted because of backend_model in config.xml; `0:3:...` says that it did not. */
    private function decrypted(string $value): string
    {
        return preg_match('/^\d+:\d+:/', $value) === 1 ? trim($this->encryptor->decrypt($value)) : $value;
    }
}
