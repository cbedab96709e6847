<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\Config\ScopeConfigInterface;
use Magento\Framework\Encryption\EncryptorInterface;

/** The settings of Stores > Configuration > Services > Orderstream. */
class Settings
{
    private const PATH = 'orderstream/webhook/';
    private const DAY_SECONDS = 86400;

    public function __construct(
        private readonly ScopeConfigInterface $config,
        private readonly EncryptorInterface $encryptor,
    ) {
    }

    public function isOn(): bool
    {
        return $this->config->isSetFlag(self::PATH . 'enabled') && $this->problem() === '';
    }

    /** What is missing before anything can be sent; '' when nothing is. */
    public function problem(): string
    {
        if ($this->url() === '') {
            return 'the address is not set';
        }

        return $this->secret() === '' ? 'the secret is not set' : '';
    }

    public function url(): string
    {
        return trim((string) $this->config->getValue(self::PATH . 'url'));
    }

    public function secret(): string
    {
        $value = trim((string) $this->config->getValue(self::PATH . 'secret'));

        // Read decrypted because of backend_model in config.xml; `0:3:...` says that it was not.
        return preg_match('/^\d+:\d+:/', $value) === 1 ? trim($this->encryptor->decrypt($value)) : $value;
    }

    public function timeoutSeconds(): int
    {
        return max(1, (int) $this->config->getValue(self::PATH . 'timeout_seconds'));
    }

    public function keepTryingSeconds(): int
    {
        return max(1, (int) $this->config->getValue(self::PATH . 'keep_trying_days')) * self::DAY_SECONDS;
    }
}
