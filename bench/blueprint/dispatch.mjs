// The blueprint's way into Salesforce: look for the order, then update or create it; wait and try
// again on 401, 429, 500 and 503, five times; anything else is an error that is logged.
import { setTimeout as delay } from 'node:timers/promises';

const MOST_ATTEMPTS = 5;

export class Salesforce {
  constructor(url, clientId, clientSecret) {
    Object.assign(this, { url, clientId, clientSecret, token: '' });
  }

  async login() {
    const body = new URLSearchParams({
      grant_type: 'client_credentials', client_id: this.clientId, client_secret: this.clientSecret,
    });
    const answer = await fetch(`${this.url}/services/oauth2/token`, { method: 'POST', body });
    this.token = (await answer.json()).access_token;
  }

  async call(method, path, body) {
    const answer = await fetch(`${this.url}/services/data/v58.0/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (answer.ok) return text ? JSON.parse(text) : undefined;
    throw Object.assign(new Error(text), { status: answer.status });
  }

  async write(fields) {
    const soql = `SELECT Id FROM Opportunity WHERE Magento_Order_ID__c = '${fields.Magento_Order_ID__c}' LIMIT 1`;
    const found = await this.call('GET', `query?q=${encodeURIComponent(soql)}`);
    if (found.records.length === 0) return this.call('POST', 'sobjects/Opportunity', fields);
    return this.call('PATCH', `sobjects/Opportunity/${found.records[0].Id}`, fields);
  }

  async dispatch(document) {
    const fields = fieldsOf(document.order);
    if (!this.token) await this.login();
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
      try {
        return await this.write(fields);
      } catch (error) {
        if (error.status === 401) await this.login();
        else if (![429, 500, 503].includes(error.status)) throw error;
        await delay(1000 * 2 ** attempt + Math.random() * 1000);
      }
    }
    throw new Error(`given up after ${MOST_ATTEMPTS} attempts`);
  }
}

function fieldsOf(order) {
  return {
    Name: `Order ${order.increment_id} - ${order.customer_firstname} ${order.customer_lastname}`,
    Amount: order.grand_total,
    StageName: 'Prospecting',
    CloseDate: order.created_at.slice(0, 10),
    Magento_Order_ID__c: order.increment_id,
    Magento_Updated_At__c: `${order.updated_at.replace(' ', 'T')}Z`,
    LeadSource: 'Magento E-commerce',
  };
}
