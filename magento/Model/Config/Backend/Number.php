<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\Config\Backend;

use Magento\Framework\App\Config\Value;
use Magento\Framework\Exception\LocalizedException;
use Orderstream\Webhook\Sending\SettingRules;

/** Refuses what is no whole number in bounds. */
class Number extends Value
{
    private const MOST = [
        'timeout_seconds' => 60,
        'keep_trying_days' => 365,
    ];

    /**
     * @inheritdoc
     */
    public function beforeSave()
    {
        $most = self::MOST[(string) $this->getData('field')] ?? self::MOST['timeout_seconds'];
        if (!(new SettingRules())->isNumber((string) $this->getValue(), $most)) {
            throw new LocalizedException(__('Write a whole number from 1 to %1.', $most));
        }

        return parent::beforeSave();
    }
}
