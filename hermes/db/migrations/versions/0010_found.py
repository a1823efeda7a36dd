"""What an imported company was known by without a record of ours behind it is a claim: counts go on from there."""

from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

CLAIM = """
    update company c set claims = jsonb_set(c.claims, '{fallback}', coalesce(c.claims -> 'fallback', '{}') || t.told)
    from (
      select o.id, jsonb_object_agg(v.name, jsonb_build_object(
        'value', v.value, 'system', 'legacy', 'rule', 'import')) as told
      from company o
      left join lateral (
        select count(*) as n, count(*) filter (where kind = 'sales') as sales from meeting m where m.company_id = o.id
      ) held on true
      cross join lateral (values
        ('sales_call_count', coalesce(o.claims #> '{counted,sales_call_count}',
          case when held.n = 0 and o.sales_call_count > 0 then to_jsonb(o.sales_call_count) end)),
        ('support_call_count', coalesce(o.claims #> '{counted,support_call_count}',
          case when held.n = 0 and o.support_call_count > 0 then to_jsonb(o.support_call_count) end)),
        ('has_booked_call', case when o.has_booked_call and held.sales = 0 then to_jsonb(true) end),
        ('has_signed_up', case when o.has_signed_up and not exists (
          select 1 from link l where l.record_type = 'company' and l.record_id = o.id and l.type = 'client'
        ) then to_jsonb(true) end)
      ) v(name, value)
      where v.value is not null
      group by o.id
    ) t
    where t.id = c.id
"""


def upgrade() -> None:
    op.execute(CLAIM)


def downgrade() -> None:
    """The claims say nothing to an older Hermes."""
