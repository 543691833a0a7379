"""The first schema: the whole chain of one article."""


from alembic import op
import sqlalchemy as sa

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table('model',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('codebook_version', sa.String(length=40), nullable=False),
    sa.Column('card', sa.JSON(), nullable=False),
    sa.Column('first_used_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model'))
    )
    op.create_table('source',
    sa.Column('id', sa.String(length=100), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_source'))
    )
    op.create_table('story',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_story')),
    sa.UniqueConstraint('key', name=op.f('uq_story_key'))
    )
    op.create_table('article',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('url_key', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('source_id', sa.String(length=100), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('current_version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_article_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_article')),
    sa.UniqueConstraint('url_key', name=op.f('uq_article_url_key'))
    )
    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_article_current_version_id'), ['current_version_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_article_source_id'), ['source_id'], unique=False)

    op.create_table('crawl_run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source_id', sa.String(length=100), nullable=False),
    sa.Column('trigger', sa.String(length=20), nullable=False),
    sa.Column('limited', sa.Boolean(), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('urls_seen', sa.Integer(), nullable=False),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('pid', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_crawl_run_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_crawl_run'))
    )
    with op.batch_alter_table('crawl_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_crawl_run_source_id'), ['source_id'], unique=False)

    op.create_table('version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('article_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('story_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('text_sha256', sa.String(length=64), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('published_on', sa.Date(), nullable=True),
    sa.Column('published_from', sa.String(length=20), nullable=True),
    sa.Column('written_on', sa.Date(), nullable=True),
    sa.Column('written_from', sa.String(length=20), nullable=True),
    sa.Column('author', sa.Text(), nullable=True),
    sa.Column('issuer', sa.Text(), nullable=True),
    sa.Column('source_line', sa.Text(), nullable=True),
    sa.Column('document_number', sa.Text(), nullable=True),
    sa.Column('attachments', sa.JSON(), nullable=False),
    sa.Column('extractor_version', sa.String(length=60), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('current_prediction_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_version_article_id')),
    sa.ForeignKeyConstraint(['story_id'], ['story.id'], name=op.f('fk_version_story_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_version')),
    sa.UniqueConstraint('article_id', 'number', name=op.f('uq_version_article_id_number')),
    sa.UniqueConstraint('article_id', 'text_sha256', name=op.f('uq_version_article_id_text_sha256'))
    )
    with op.batch_alter_table('version', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_version_published_on'), ['published_on'], unique=False)
        batch_op.create_index(batch_op.f('ix_version_story_id'), ['story_id'], unique=False)

    op.create_table('page',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source_id', sa.String(length=100), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('requested_url', sa.Text(), nullable=False),
    sa.Column('url_key', sa.Text(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('content_type', sa.Text(), nullable=True),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('last_modified', sa.Text(), nullable=True),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('listed_on', sa.Date(), nullable=True),
    sa.Column('modified_hint', sa.DateTime(timezone=True), nullable=True),
    sa.Column('warc_file', sa.Text(), nullable=False),
    sa.Column('warc_offset', sa.BigInteger(), nullable=False),
    sa.Column('warc_length', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('extractor_version', sa.String(length=60), nullable=True),
    sa.Column('model_id', sa.String(length=64), nullable=True),
    sa.Column('processed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('verdict', sa.String(length=20), nullable=True),
    sa.Column('verdict_detail', sa.Text(), nullable=True),
    sa.Column('encoding', sa.String(length=40), nullable=True),
    sa.Column('charset_from', sa.String(length=20), nullable=True),
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['crawl_run.id'], name=op.f('fk_page_run_id')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_page_source_id')),
    sa.ForeignKeyConstraint(['version_id'], ['version.id'], name=op.f('fk_page_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_page'))
    )
    with op.batch_alter_table('page', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_page_run_id'), ['run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_page_source_id'), ['source_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_page_url_key'), ['url_key'], unique=False)
        batch_op.create_index(batch_op.f('ix_page_verdict'), ['verdict'], unique=False)
        batch_op.create_index(batch_op.f('ix_page_version_id'), ['version_id'], unique=False)
        batch_op.create_index('ix_page_waiting', ['role', 'extractor_version', 'model_id', 'id'], unique=False)

    op.create_table('passage',
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('start', sa.Integer(), nullable=False),
    sa.Column('end', sa.Integer(), nullable=False),
    sa.Column('heading', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['version_id'], ['version.id'], name=op.f('fk_passage_version_id')),
    sa.PrimaryKeyConstraint('version_id', 'position', name=op.f('pk_passage'))
    )
    op.create_table('prediction',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('model_id', sa.String(length=64), nullable=False),
    sa.Column('codebook_version', sa.String(length=40), nullable=False),
    sa.Column('relevance', sa.Float(), nullable=False),
    sa.Column('relevance_threshold', sa.Float(), nullable=False),
    sa.Column('relevant', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['model_id'], ['model.id'], name=op.f('fk_prediction_model_id')),
    sa.ForeignKeyConstraint(['version_id'], ['version.id'], name=op.f('fk_prediction_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_prediction')),
    sa.UniqueConstraint('version_id', 'model_id', name=op.f('uq_prediction_version_id_model_id'))
    )
    with op.batch_alter_table('prediction', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_prediction_model_id'), ['model_id'], unique=False)

    op.create_table('evidence',
    sa.Column('prediction_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('dimension', sa.String(length=20), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('start', sa.Integer(), nullable=False),
    sa.Column('end', sa.Integer(), nullable=False),
    sa.Column('score', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['prediction_id'], ['prediction.id'], name=op.f('fk_evidence_prediction_id')),
    sa.PrimaryKeyConstraint('prediction_id', 'dimension', 'rank', name=op.f('pk_evidence'))
    )
    op.create_table('ledger',
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('url_key', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['page_id'], ['page.id'], name=op.f('fk_ledger_page_id')),
    sa.ForeignKeyConstraint(['run_id'], ['crawl_run.id'], name=op.f('fk_ledger_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'url_key', name=op.f('pk_ledger'))
    )
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ledger_page_id'), ['page_id'], unique=False)

    op.create_table('prediction_city',
    sa.Column('prediction_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('city_code', sa.String(length=6), nullable=False),
    sa.Column('city', sa.Text(), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['prediction_id'], ['prediction.id'], name=op.f('fk_prediction_city_prediction_id')),
    sa.PrimaryKeyConstraint('prediction_id', 'city_code', name=op.f('pk_prediction_city'))
    )
    with op.batch_alter_table('prediction_city', schema=None) as batch_op:
        batch_op.create_index('ix_prediction_city_city_code', ['city_code'], unique=False)

    op.create_table('prediction_dimension',
    sa.Column('prediction_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('dimension', sa.String(length=20), nullable=False),
    sa.Column('probability', sa.Float(), nullable=False),
    sa.Column('threshold', sa.Float(), nullable=False),
    sa.Column('tagged', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['prediction_id'], ['prediction.id'], name=op.f('fk_prediction_dimension_prediction_id')),
    sa.PrimaryKeyConstraint('prediction_id', 'dimension', name=op.f('pk_prediction_dimension'))
    )



def downgrade() -> None:

    op.drop_table('prediction_dimension')
    with op.batch_alter_table('prediction_city', schema=None) as batch_op:
        batch_op.drop_index('ix_prediction_city_city_code')

    op.drop_table('prediction_city')
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ledger_page_id'))

    op.drop_table('ledger')
    op.drop_table('evidence')
    with op.batch_alter_table('prediction', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_prediction_model_id'))

    op.drop_table('prediction')
    op.drop_table('passage')
    with op.batch_alter_table('page', schema=None) as batch_op:
        batch_op.drop_index('ix_page_waiting')
        batch_op.drop_index(batch_op.f('ix_page_version_id'))
        batch_op.drop_index(batch_op.f('ix_page_verdict'))
        batch_op.drop_index(batch_op.f('ix_page_url_key'))
        batch_op.drop_index(batch_op.f('ix_page_source_id'))
        batch_op.drop_index(batch_op.f('ix_page_run_id'))

    op.drop_table('page')
    with op.batch_alter_table('version', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_version_story_id'))
        batch_op.drop_index(batch_op.f('ix_version_published_on'))

    op.drop_table('version')
    with op.batch_alter_table('crawl_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_crawl_run_source_id'))

    op.drop_table('crawl_run')
    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_article_source_id'))
        batch_op.drop_index(batch_op.f('ix_article_current_version_id'))

    op.drop_table('article')
    op.drop_table('story')
    op.drop_table('source')
    op.drop_table('model')

