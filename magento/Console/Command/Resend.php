<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Console\Command;

use Magento\Customer\Model\ResourceModel\Customer\CollectionFactory as CustomerCollectionFactory;
use Magento\Framework\Console\Cli;
use Magento\Framework\Data\Collection\AbstractDb;
use Magento\Sales\Model\ResourceModel\Order\CollectionFactory as OrderCollectionFactory;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\UtcTime;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Notes everything that changed in a time once more; sending it twice does no harm. */
class Resend extends Command
{
    private const WRONG_USE = 2;
    private const PAGE = 500;

    public function __construct(
        private readonly OrderCollectionFactory $orders,
        private readonly CustomerCollectionFactory $customers,
        private readonly Recorder $recorder,
        private readonly UtcTime $times,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setName('orderstream:resend')
            ->setDescription('Send again what changed in a time (UTC, "2026-03-14" or "2026-03-14 18:00:00")')
            ->addOption('from', null, InputOption::VALUE_REQUIRED, 'changed at or after')
            ->addOption('to', null, InputOption::VALUE_REQUIRED, 'changed before; now when not given')
            ->addOption('customers', null, InputOption::VALUE_NONE, 'customers instead of orders')
            ->addOption('dry-run', null, InputOption::VALUE_NONE, 'only count');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $from = $this->times->parsed((string) $input->getOption('from'));
            $to = $this->times->parsed((string) ($input->getOption('to') ?: gmdate('Y-m-d H:i:s')));
        } catch (\InvalidArgumentException $error) {
            $output->writeln('<error>--from and --to: ' . $error->getMessage() . '</error>');
            return self::WRONG_USE;
        }
        $kind = $input->getOption('customers') ? Delivery::CUSTOMER : Delivery::ORDER;
        $isDryRun = (bool) $input->getOption('dry-run');
        $count = 0;
        foreach ($this->ids($kind, $from, $to) as $id) {
            $count++;
            if (!$isDryRun) {
                $this->recorder->note('orderstream:resend', $kind, $id);
            }
        }
        if (!$isDryRun) {
            $this->recorder->nudge();
        }
        $output->writeln($count . ' ' . $kind . 's ' . ($isDryRun ? 'would be sent' : 'wait to be sent'));

        return Cli::RETURN_SUCCESS;
    }

    /** @return \Generator<int> ids in ascending order, a page at a time */
    private function ids(string $kind, string $from, string $to): \Generator
    {
        $last = 0;
        do {
            $page = $this->page($kind, $from, $to, $last);
            foreach ($page as $id) {
                yield $last = (int) $id;
            }
        } while (count($page) === self::PAGE);
    }

    /** @return array<int|string> */
    private function page(string $kind, string $from, string $to, int $after): array
    {
        /** @var AbstractDb $found */
        $found = $kind === Delivery::ORDER ? $this->orders->create() : $this->customers->create();
        $found->addFieldToFilter('updated_at', ['gteq' => $from])
            ->addFieldToFilter('updated_at', ['lt' => $to])
            ->addFieldToFilter('entity_id', ['gt' => $after])
            ->setOrder('entity_id', 'ASC')
            ->setPageSize(self::PAGE);

        return array_map(fn ($item): int => (int) $item->getId(), array_values($found->getItems()));
    }
}
