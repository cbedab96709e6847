<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Block\Adminhtml;

use Magento\Backend\Block\Template;
use Magento\Backend\Block\Template\Context;
use Orderstream\Webhook\Model\Status;

/** One line: what waits, since when, the last success, and why nothing goes out if nothing does. */
class StatusLine extends Template
{
    /** @var string */
    protected $_template = 'Orderstream_Webhook::status_line.phtml';

    public function __construct(
        Context $context,
        private readonly Status $status,
        array $data = [],
    ) {
        parent::__construct($context, $data);
    }

    /** @return array{waiting: int, failed: int, oldestSeconds: int, lastSuccess: string, answer: string} */
    public function getStatus(): array
    {
        return $this->status->read();
    }

    public function getLastSuccess(): string
    {
        $time = $this->getStatus()['lastSuccess'];

        return $time === '' ? (string) __('never') : $this->formatDate($time, \IntlDateFormatter::MEDIUM, true);
    }
}
