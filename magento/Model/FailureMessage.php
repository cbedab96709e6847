<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\AuthorizationInterface;
use Magento\Framework\Notification\MessageInterface;
use Magento\Framework\UrlInterface;

/** The admin's bell: deliveries that were given up, or that wait for longer than they should. */
class FailureMessage implements MessageInterface
{
    private const RESOURCE = 'Orderstream_Webhook::deliveries';

    public function __construct(
        private readonly Status $status,
        private readonly UrlInterface $url,
        private readonly AuthorizationInterface $authorization,
    ) {
    }

    /**
     * @inheritdoc
     */
    public function getIdentity()
    {
        return 'orderstream_deliveries_fail';
    }

    /**
     * @inheritdoc
     */
    public function isDisplayed()
    {
        return $this->authorization->isAllowed(self::RESOURCE)
            && ($this->status->read()['failed'] > 0 || $this->status->isLate());
    }

    /**
     * @inheritdoc
     */
    public function getText()
    {
        $read = $this->status->read();

        return (string) __(
            'Orderstream: %1 deliveries failed, %2 wait, the oldest for %3 minutes. <a href="%4">Look at them</a>.',
            $read['failed'],
            $read['waiting'],
            intdiv($read['oldestSeconds'], 60),
            $this->url->getUrl('orderstream/delivery/index'),
        );
    }

    /**
     * @inheritdoc
     */
    public function getSeverity()
    {
        return self::SEVERITY_MAJOR;
    }
}
