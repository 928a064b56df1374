with series as (

    select * from {{ source_model('series') }}

),

calendar as (

    select
        min(date) as first_date,
        count(distinct week_id) as weeks
    from {{ source_model('calendar') }}

),

prices as (

    select
        item_id,
        store_id,
        bit_xor({{ row_digest(['week_id', 'price']) }}) as digest
    from {{ source_model('prices') }}
    group by item_id, store_id

),

found as (

    select
        series.item_id,
        series.store_id,
        {{ row_digest([
            'series.department_id', 'series.category_id', 'series.region_id', 'series.launch_date', 'calendar.first_date'
        ]) }} as attributes_digest,
        -- Prices are carried to the end of the calendar: a longer one changes them too.
        {{ row_digest(['prices.digest', 'calendar.weeks']) }} as prices_digest,
        cast(calendar.weeks as integer) as calendar_weeks
    from series
    cross join calendar
    left join prices
        on
            series.item_id = prices.item_id
            and series.store_id = prices.store_id

),

{% if is_incremental() -%}

known as (

    select * from {{ this }}

),

compared as (

    select
        coalesce(found.item_id, known.item_id) as item_id,
        coalesce(found.store_id, known.store_id) as store_id,
        found.attributes_digest,
        found.prices_digest,
        coalesce(found.calendar_weeks, 0) as calendar_weeks,
        known.prices_updated_at,
        known.reset_at,
        case when found.prices_digest <> coalesce(known.prices_digest, 0) then 1 else 0 end as has_new_prices,
        case
            when known.item_id is null then 0
            when found.item_id is null and known.attributes_digest is null then 0
            when
                found.attributes_digest = known.attributes_digest
                and found.calendar_weeks >= known.calendar_weeks
                then 0
            else 1
        end as is_reset,
        case when known.item_id is null then 1 else 0 end as is_new
    from found
    full outer join known
        on
            found.item_id = known.item_id
            and found.store_id = known.store_id

),

final as (

    select
        ---------- ids
        item_id,
        store_id,

        ---------- contents
        attributes_digest,
        prices_digest,
        calendar_weeks,

        ---------- builds
        case when has_new_prices = 1 or is_new = 1 then {{ built_at() }} else prices_updated_at end as prices_updated_at,
        case when is_reset = 1 then {{ built_at() }} else reset_at end as reset_at

    from compared
    where has_new_prices = 1 or is_new = 1 or is_reset = 1

)

{%- else -%}

final as (

    select
        found.*,
        {{ built_at() }} as prices_updated_at,
        {{ built_at() }} as reset_at
    from found

)

{%- endif %}

select * from final
