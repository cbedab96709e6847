// Uses jsforce against a simulated org and prints what it saw as one JSON object.
// Input: one JSON argument {url, consumerKey, clientSecret, assertion}.
import jsforce from "jsforce";

const org = JSON.parse(process.argv[2]);
const VERSION = "60.0";
const ACCOUNT_KEY = "Magento_Customer_Key__c";
const ORDER_KEY = "Magento_Order_ID__c";
const oauth2 = { loginUrl: org.url, clientId: org.consumerKey, clientSecret: org.clientSecret };

const backDoor = async (method, path, body) => {
  const options = { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
  return (await fetch(`${org.url}/__sim__${path}`, options)).json();
};
const refused = async (promise) => {
  try {
    return { unexpected: await promise };
  } catch (error) {
    return { errorCode: error.errorCode, message: error.message, data: error.data };
  }
};

const seen = {};
const conn = new jsforce.Connection({ oauth2, version: VERSION });
await conn.authorize({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: org.assertion });
seen.instanceUrl = conn.instanceUrl;
const credentials = new jsforce.Connection({ oauth2, version: VERSION });
await credentials.authorize({ grant_type: "client_credentials" });
seen.credentialsToken = Boolean(credentials.accessToken);
seen.identity = await conn.identity();

const accounts = Array.from({ length: 450 }, (_, i) => ({ [ACCOUNT_KEY]: `c${i}@x.y`, Name: `C ${i}` }));
accounts[7].Name = "";
seen.upserted = await conn.sobject("Account").upsert(accounts, ACCOUNT_KEY, { allowRecursive: true, allOrNone: false });
seen.single = await conn.sobject("Account").upsert({ [ACCOUNT_KEY]: "c0@x.y", Name: "Changed" }, ACCOUNT_KEY);
const order = { [ORDER_KEY]: "1", Name: "Order 1", StageName: "Prospecting", CloseDate: "2026-02-01" };
seen.child = await conn.sobject("Opportunity").upsert([{ ...order, Account: { [ACCOUNT_KEY]: "C0@X.Y" } }], ORDER_KEY);
seen.query = await conn.query(`SELECT Id, Account.Name FROM Opportunity WHERE ${ORDER_KEY} = '1'`);
await backDoor("PATCH", "/settings", { query_page_size: 200 });
seen.allNames = (await conn.query("SELECT Name FROM Account", { autoFetch: true, maxFetch: 1000 })).records.length;
seen.described = (await conn.sobject("Opportunity").describe()).fields.find((f) => f.name === ORDER_KEY);
seen.retrieved = await conn.sobject("Account").retrieve(seen.upserted[0].id);
seen.limitInfo = conn.limitInfo;

await backDoor("PATCH", `/schema/Contact/${ACCOUNT_KEY}`, { unique: false });
await conn.sobject("Contact").create([{ LastName: "A", [ACCOUNT_KEY]: "twin" }, { LastName: "B", [ACCOUNT_KEY]: "twin" }]);
seen.twins = await refused(conn.sobject("Contact").upsert({ LastName: "C", [ACCOUNT_KEY]: "twin" }, ACCOUNT_KEY));
seen.badField = await refused(conn.sobject("Account").create({ Nothing__c: 1 }));
seen.destroyed = await conn.sobject("Account").destroy([seen.upserted[1].id]);

const results = await conn.bulk2.loadAndWaitForResults({
  object: "Account",
  operation: "upsert",
  externalIdFieldName: ACCOUNT_KEY,
  input: [{ [ACCOUNT_KEY]: "bulk@x.y", Name: "By bulk" }, { [ACCOUNT_KEY]: "bad@x.y", Name: "" }],
  pollInterval: 50,
  pollTimeout: 20000,
});
seen.bulk = {
  successful: results.successfulResults.length,
  failed: results.failedResults.map((row) => row.sf__Error),
  unprocessed: results.unprocessedRecords.length,
};

let refreshes = 0;
const renewing = new jsforce.Connection({
  instanceUrl: conn.instanceUrl,
  accessToken: conn.accessToken,
  version: VERSION,
  refreshFn: async (_conn, done) => {
    refreshes += 1;
    const fresh = new jsforce.Connection({ oauth2, version: VERSION });
    await fresh.authorize({ grant_type: "client_credentials" });
    done(null, fresh.accessToken);
  },
});
await backDoor("POST", "/faults", { kind: "expire_tokens" });
const rewrite = [{ ...order, Name: "After refresh" }];
seen.afterRefresh = await renewing.sobject("Opportunity").upsert(rewrite, ORDER_KEY);
seen.refreshes = refreshes;
await backDoor("POST", "/faults", { kind: "spend_quota" });
seen.quota = await refused(renewing.query("SELECT Id FROM Account LIMIT 1"));

console.log(JSON.stringify(seen));
