<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\Config\Backend;

use Magento\Framework\App\Config\Value;
use Magento\Framework\Exception\LocalizedException;
use Orderstream\Webhook\Sending\SettingRules;

/** Refuses what is no address, also from `config:set`. */
class Address extends Value
{
    /**
     * @inheritdoc
     */
    public function beforeSave()
    {
        $problem = (new SettingRules())->addressProblem((string) $this->getValue());
        if ($problem !== '') {
            throw new LocalizedException(__($problem));
        }
        $this->setValue(trim((string) $this->getValue()));

        return parent::beforeSave();
    }
}
