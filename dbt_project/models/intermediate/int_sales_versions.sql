with found as (

    select
        item_id,
        store_id,
        period_id,
        days,
        digest
    from {{ source_model('sales_digests') }}

),

{% if is_incremental() -%}

known as (

    select * from {{ this }}

),

final as (

    select
        ---------- keys
        coalesce(found.item_id, known.item_id) as item_id,
        coalesce(found.store_id, known.store_id) as store_id,
        coalesce(found.period_id, known.period_id) as period_id,

        ---------- contents
        coalesce(found.days, 0) as days,
        found.digest,

        ---------- builds
        {{ built_at() }} as updated_at,
        case when coalesce(found.days, 0) < known.days then {{ built_at() }} else known.reset_at end as reset_at

    from found
    full outer join known
        on
            found.item_id = known.item_id
            and found.store_id = known.store_id
            and found.period_id = known.period_id
    where
        known.item_id is null
        or coalesce(found.days, 0) <> known.days
        or found.digest <> known.digest

)

{%- else -%}

final as (

    select
        found.*,
        {{ built_at() }} as updated_at,
        {{ built_at() }} as reset_at
    from found

)

{%- endif %}

select * from final
