<?php

declare(strict_types=1);

// What the tests need to know of Magento's own classes: names, and the methods that are called.

namespace Magento\Framework {
    class DataObject
    {
        public function __construct(private readonly array $data)
        {
        }

        public function getData(string $name): mixed
        {
            return $this->data[$name] ?? null;
        }

        public function __call(string $method, array $arguments): mixed
        {
            return $this->getData(strtolower(preg_replace('/(?<!^)[A-Z]/', '_$0', substr($method, 3))));
        }
    }
}

namespace Magento\Framework\Event {
    class Observer extends \Magento\Framework\DataObject
    {
    }
    interface ObserverInterface
    {
        public function execute(Observer $observer);
    }
}

namespace Magento\Framework\App {
    interface ResourceConnection
    {
        public function getConnection($resourceName = 'default');

        public function getTableName($modelEntity);
    }
}

namespace Magento\Framework\App\Config {
    interface ScopeCodeResolver
    {
        public function resolve($scopeType, $scopeCode);
    }
    interface ScopeConfigInterface
    {
        public function isSetFlag($path, $scopeType = 'default', $scopeCode = null);
    }
}

namespace Magento\Config\App\Config\Type {
    interface System
    {
        public function get($path = '');
    }
    interface SystemFactory
    {
        public function create();
    }
}

namespace Magento\Framework\Encryption {
    interface EncryptorInterface
    {
        public function decrypt($data);
    }
}

namespace Magento\Framework\Exception {
    class LocalizedException extends \Exception
    {
    }
}

namespace Magento\Framework\DB\Sql {
    class Expression
    {
        public function __construct(public readonly string $expression)
        {
        }
    }
}

namespace Magento\Framework\DB {
    interface Select
    {
        public function from($name, $cols = '*');

        public function where($cond, $value = null);

        public function group($spec);
    }
}

namespace Magento\Framework\DB\Adapter {
    interface AdapterInterface
    {
        public function select();

        public function fetchAll($sql);
    }
    class ConnectionException extends \Exception
    {
    }
    class DeadlockException extends \Exception
    {
    }
    class LockWaitException extends \Exception
    {
    }
}

namespace Magento\Framework\MessageQueue {
    interface PublisherInterface
    {
        public function publish($topicName, $data);
    }
}

namespace Magento\Sales\Model\ResourceModel\Order {
    interface Collection
    {
        public function setOrder($field, $direction = 'DESC');

        public function setPageSize($size);

        public function addFieldToFilter($field, $condition = null);

        public function getItems();
    }
    interface CollectionFactory
    {
        public function create();
    }
}

namespace Psr\Log {
    interface LoggerInterface
    {
        public function critical($message, array $context = []);

        public function error($message, array $context = []);

        public function warning($message, array $context = []);
    }
}
