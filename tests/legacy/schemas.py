"""The tables of both older versions, written from their description, without the keys that a restored dump may lack."""

ADMIN = """
    create table admin (id serial primary key, username text, {password} tc2_admin_id int unique, pd_owner_id int,
      first_name text, last_name text, timezone text, is_sales_person bool default false,
      is_support_person bool default false, is_bdr_person bool default false, sells_payg bool default false,
      sells_startup bool default false, sells_enterprise bool default false, sells_us bool default false,
      sells_gb bool default false, sells_au bool default false, sells_ca bool default false,
      sells_eu bool default false, sells_row bool default false);
    create table stage (id serial primary key, pd_stage_id int unique, name text);
    create table pipeline (id serial primary key, pd_pipeline_id int unique, name text, dft_entry_stage_id int);
    create table config (id serial primary key, meeting_dur_mins int, meeting_buffer_mins int, meeting_min_start text,
      meeting_max_end text, payg_pipeline_id int, startup_pipeline_id int, enterprise_pipeline_id int);
    create table contact (id serial primary key, tc2_sr_id int unique, pd_person_id int unique, created {moment},
      first_name text, last_name text, email text, phone text, country text, company_id int);
"""
COMPANY = """
    create table company (id serial primary key, name text, tc2_agency_id int unique, tc2_cligency_id int unique,
      tc2_status text, pd_org_id int unique, created {moment}, price_plan text, country text, website text,
      paid_invoice_count int default 0, estimated_income text, currency text, has_booked_call bool default false,
      has_signed_up bool default false, utm_campaign text, utm_source text, narc bool default false,
      signup_questionnaire {json}, sales_person_id int not null, support_person_id int, bdr_person_id int,
      pay0_dt {moment}, pay1_dt {moment}, pay3_dt {moment}, gclid text, gclid_expiry_dt {moment},
      email_confirmed_dt {moment}, card_saved_dt {moment} {more});
"""
DEAL = """
    create table deal (id serial primary key, pd_deal_id int unique, name text, status text, admin_id int,
      company_id int, contact_id int, pipeline_id int, stage_id int {more});
    create table meeting (id serial primary key, created {moment}, start_time {moment}, end_time {moment}, status text,
      meeting_type text, admin_id int, contact_id int, deal_id int {home});
"""
FIELDS = """
    create table customfield (id serial primary key, name text, machine_name text, field_type text,
      hermes_field_name text, tc2_machine_name text, pd_field_id text, linked_object_type text);
    create table customfieldvalue (id serial primary key, custom_field_id int, company_id int, contact_id int,
      deal_id int, meeting_id int, value text);
    create table aerich (id serial primary key, version text);
"""
SECOND = (
    ADMIN.format(password='password text,', moment='timestamptz')
    + COMPANY.format(moment='timestamptz', json='jsonb', more='')
    + DEAL.format(moment='timestamptz', more='', home='')
    + FIELDS
)
NEWEST = (
    ADMIN.format(password='', moment='timestamp')
    + COMPANY.format(moment='timestamp', json='text', more=', is_deleted bool default false')
    + DEAL.format(
        moment='timestamp',
        home=', company_id int',
        more=', support_person_id int, bdr_person_id int, paid_invoice_count int, tc2_status text, tc2_cligency_url '
        'text, website text, price_plan text, estimated_income text, signup_questionnaire text, utm_campaign text, '
        'utm_source text',
    )
    + 'create table alembic_version (version_num text);'
)
SCHEMAS = {'second': SECOND, 'newest': NEWEST}
