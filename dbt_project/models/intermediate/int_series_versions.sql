with series as (

    select
        item_id,
        store_id,
        {{ row_digest(['department_id', 'category_id', 'region_id', 'launch_date']) }} as digest
    from {{ source_model('series') }}

),

sales as (

    select * from {{ source_model('sales_digests') }}

),

weeks as (

    select
        week_id,
        week_number,
        min(first_date) over (partition by cast(floor((week_number - 1) / 4.0) as integer)) as period_first_date
    from {{ ref('int_calendar_weeks') }}

),

-- A price is carried on to the end of the calendar, so a longer calendar changes the prices too.
periods as (

    select
        period_first_date as first_date,
        bit_xor({{ row_digest(['week_id', 'week_number']) }}) as digest
    from weeks
    group by period_first_date

),

prices as (

    select
        prices.item_id,
        prices.store_id,
        weeks.period_first_date as first_date,
        bit_xor({{ row_digest(['weeks.week_number', 'prices.price']) }}) as digest
    from {{ source_model('prices') }} as prices
    inner join weeks on prices.week_id = weeks.week_id
    group by prices.item_id, prices.store_id, weeks.period_first_date

),

found as (

    select
        series.item_id,
        series.store_id,
        'sales' as kind,
        sales.first_date,
        {{ row_digest(['series.digest', 'sales.digest']) }} as digest
    from sales
    inner join series
        on
            sales.item_id = series.item_id
            and sales.store_id = series.store_id
    union all
    select
        series.item_id,
        series.store_id,
        'prices' as kind,
        periods.first_date,
        {{ row_digest(['series.digest', 'periods.digest', 'coalesce(prices.digest, 0)']) }} as digest
    from series
    cross join periods
    left join prices
        on
            series.item_id = prices.item_id
            and series.store_id = prices.store_id
            and periods.first_date = prices.first_date

),

known as (

    {% if is_incremental() -%}
    select * from {{ this }}
    {%- else -%}
    select * from found
    where 1 = 0
    {%- endif %}

),

changed as (

    select
        ---------- keys
        coalesce(found.item_id, known.item_id) as item_id,
        coalesce(found.store_id, known.store_id) as store_id,
        coalesce(found.kind, known.kind) as kind,
        coalesce(found.first_date, known.first_date) as first_date,

        ---------- contents
        found.digest,

        ---------- builds
        {{ built_at() }} as updated_at

    from found
    full outer join known
        on
            found.item_id = known.item_id
            and found.store_id = known.store_id
            and found.kind = known.kind
            and found.first_date = known.first_date
    where coalesce(found.digest, -1) <> coalesce(known.digest, -1)

)

select * from changed
