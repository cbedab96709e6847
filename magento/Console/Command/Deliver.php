<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Console\Command;

use Magento\Framework\App\Area;
use Magento\Framework\App\State;
use Magento\Framework\Console\Cli;
use Orderstream\Webhook\Sending\Dispatcher;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Sends what waits, for a store whose own cron or consumers do not run, or by hand. */
class Deliver extends Command
{
    public function __construct(
        private readonly State $state,
        private readonly Dispatcher $dispatcher,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setName('orderstream:deliver')
            ->setDescription('Send to orderstream what waits to be sent')
            ->addOption('seconds', null, InputOption::VALUE_REQUIRED, 'begin nothing new after this time', '50');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $attempts = $this->state->emulateAreaCode(
            Area::AREA_CRONTAB,
            fn (): int => $this->dispatcher->look(max(1, (int) $input->getOption('seconds'))),
        );
        $output->writeln("$attempts attempts; Orderstream > Deliveries in the admin shows what became of them");

        return Cli::RETURN_SUCCESS;
    }
}
