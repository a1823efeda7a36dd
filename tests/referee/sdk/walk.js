// The vendor's own client against the sandbox: organisations, persons, deals and webhooks.
// Usage: node walk.js FOLDER_OF_THE_SDK SANDBOX_URL API_KEY. Prints one JSON line of what it saw; any refusal ends it with code 1.
'use strict'

const assert = require('node:assert/strict')

const [folder, sandbox, key] = process.argv.slice(2)
const v1 = require(`${folder}/versions/v1`)
const v2 = require(`${folder}/versions/v2`)

function configure(version, path) {
  return new version.Configuration({ apiKey: key, basePath: `${sandbox}${path}` })
}

async function walkObjects(seen) {
  const settings = configure(v2, '/pipedrive/api/v2')
  const pipelines = new v2.PipelinesApi(settings)
  const stages = new v2.StagesApi(settings)
  const organizations = new v2.OrganizationsApi(settings)
  const persons = new v2.PersonsApi(settings)
  const deals = new v2.DealsApi(settings)

  const pipeline = await pipelines.addPipeline({ AddPipelineRequest: { name: 'SDK' } })
  await stages.addStage({ AddStageRequest: { name: 'New', pipeline_id: pipeline.data.id } })
  const company = await organizations.addOrganization({ AddOrganizationRequest: { name: 'Acme' } })
  const person = await persons.addPerson({
    AddPersonRequest: { name: 'Ann Lee', org_id: company.data.id, emails: [{ value: 'ann@acme.example' }] },
  })
  assert.equal(person.data.emails[0].primary, true)
  const deal = await deals.addDeal({ AddDealRequest: { title: 'Deal', org_id: company.data.id } })
  const renamed = await organizations.updateOrganization({
    id: company.data.id,
    UpdateOrganizationRequest: { name: 'Acme Ltd' },
  })
  assert.equal(renamed.data.name, 'Acme Ltd')
  const won = await deals.updateDeal({ id: deal.data.id, UpdateDealRequest: { status: 'won' } })
  assert.equal(won.data.status, 'won')
  const listed = await organizations.getOrganizations({ limit: 10, sort_by: 'update_time' })
  assert.equal(listed.data.length, 1)
  seen.organizations = listed.data.length
  seen.persons = (await persons.getPersons({ org_id: company.data.id })).data.length
  seen.deals = (await deals.getDeals({ status: 'won' })).data.length
  await deals.deleteDeal({ id: deal.data.id })
  await persons.deletePerson({ id: person.data.id })
  await organizations.deleteOrganization({ id: company.data.id })
  seen.left = (await organizations.getOrganizations({})).data.length
}

async function walkWebhooks(seen) {
  const webhooks = new v1.WebhooksApi(configure(v1, '/pipedrive/api/v1'))
  const body = {
    subscription_url: 'http://127.0.0.1:9/x',
    event_action: '*',
    event_object: '*',
    name: 'sdk',
    version: '2.0',
  }
  const added = await webhooks.addWebhook({ AddWebhookRequest: body })
  seen.webhooks = (await webhooks.getWebhooks()).data.length
  await webhooks.deleteWebhook({ id: added.data.id })
  seen.webhooksLeft = (await webhooks.getWebhooks()).data.length
}

async function main() {
  const seen = {}
  await walkObjects(seen)
  await walkWebhooks(seen)
  console.log(JSON.stringify(seen))
}

main().catch((problem) => {
  console.error(problem)
  process.exit(1)
})
