"""An org that has one record of whatever is asked, and notes what is asked and written."""

from __future__ import annotations

EMAIL = "jane@example.com"


class FakeClient:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.updated: list[tuple[str, str, dict]] = []

    async def query(self, soql):
        self.asked.append(soql)
        sobject = soql.split(" FROM ")[1].split()[0]
        yield {"Id": f"{sobject}-1", "Magento_Order_ID__c": "7", "Magento_Customer_Key__c": EMAIL}

    async def describe(self, sobject):
        named = ["Magento_Customer_ID__c"] if sobject != "Opportunity" else []
        return {"fields": [{"name": name, "updateable": True} for name in named]}

    async def update(self, sobject, record_id, fields):
        self.updated.append((sobject, record_id, fields))
