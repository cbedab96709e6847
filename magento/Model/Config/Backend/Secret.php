<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\Config\Backend;

use Magento\Config\Model\Config\Backend\Encrypted;
use Magento\Framework\Exception\LocalizedException;
use Orderstream\Webhook\Sending\SettingRules;

/** Refuses a short secret, and stores it encrypted. */
class Secret extends Encrypted
{
    /**
     * @inheritdoc
     */
    public function beforeSave()
    {
        $value = (string) $this->getValue();
        $isUnchanged = preg_match('/^\*+$/', $value) === 1;  // the admin page shows only stars
        $problem = $isUnchanged ? '' : (new SettingRules())->secretProblem($value);
        if ($problem !== '') {
            throw new LocalizedException(__($problem));
        }

        return parent::beforeSave();
    }
}
