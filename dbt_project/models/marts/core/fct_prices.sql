with known as (

    select
        prices.item_id,
        prices.store_id,
        weeks.week_number,
        prices.price,
        lead(weeks.week_number) over (
            partition by prices.item_id, prices.store_id
            order by weeks.week_number
        ) as next_week_number
    from {{ source_model('prices') }} as prices
    inner join {{ ref('int_calendar_weeks') }} as weeks on prices.week_id = weeks.week_id
    {%- if is_incremental() %}
    inner join ({{ changes(['item_id', 'store_id'], kind='prices') }}) as changed
        on
            prices.item_id = changed.item_id
            and prices.store_id = changed.store_id
    {%- endif %}

),

weeks as (

    select * from {{ ref('int_calendar_weeks') }}

),

last_week as (

    select max(week_number) as week_number from weeks

),

-- Only the weeks that lack a price are looked up by range, so that a full price list costs nothing.
before_gaps as (

    select
        known.*,
        coalesce(known.next_week_number, last_week.week_number + 1) as gap_end
    from known
    cross join last_week
    where coalesce(known.next_week_number, last_week.week_number + 1) > known.week_number + 1

),

carried as (

    select
        before_gaps.item_id,
        before_gaps.store_id,
        weeks.week_number,
        before_gaps.price,
        1 as is_price_carried
    from before_gaps
    inner join weeks
        on
            before_gaps.week_number < weeks.week_number
            and before_gaps.gap_end > weeks.week_number

),

unioned as (

    select
        item_id,
        store_id,
        week_number,
        price,
        0 as is_price_carried
    from known
    union all
    select
        item_id,
        store_id,
        week_number,
        price,
        is_price_carried
    from carried

),

final as (

    select
        ---------- ids
        unioned.item_id,
        unioned.store_id,

        ---------- weeks
        weeks.week_id,
        unioned.week_number,
        weeks.first_date as week_first_date,

        ---------- prices
        unioned.price,

        ---------- flags
        unioned.is_price_carried,

        ---------- builds
        {{ built_at() }} as updated_at

    from unioned
    inner join weeks on unioned.week_number = weeks.week_number
)

select final.*
from final
{{- join_changes('final', ['item_id', 'store_id'], 'week_first_date', kind='prices') }}
