import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import any_changed, AppendOnly, Guard


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Assertion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(max_length=10)),
                ('source', models.CharField(max_length=700)),
                ('actor_ref', models.CharField(blank=True, default='', max_length=100)),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='RetractedEdge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edge_id', models.BigIntegerField(unique=True)),
                ('src_id', models.BigIntegerField()),
                ('dst_id', models.BigIntegerField()),
                ('rel', models.SmallIntegerField(choices=[(1, 'consumed by'), (2, 'ran in'), (3, 'environment of'), (4, 'produced'), (5, 'derived into'), (6, 'evaluated in'), (7, 'evaluation data of'), (8, 'deployed as'), (9, 'serves')])),
                ('role', models.CharField(blank=True, default='', max_length=32)),
                ('recorded_at', models.DateTimeField()),
                ('retracted_at', models.DateTimeField(auto_now_add=True)),
                ('retracted_by', models.CharField(max_length=150)),
                ('reason', models.CharField(max_length=500)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Node',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.SmallIntegerField(choices=[(1, 'dataset'), (2, 'dataset version'), (3, 'code version'), (4, 'environment'), (5, 'run'), (6, 'registered model'), (7, 'model version'), (8, 'evaluation'), (9, 'endpoint'), (10, 'deployment')])),
                ('urn', models.CharField(max_length=700, unique=True)),
                ('name', models.CharField(max_length=500)),
                ('version', models.CharField(blank=True, default='', max_length=255)),
                ('digest', models.CharField(blank=True, default='', max_length=255)),
                ('attrs', models.JSONField(blank=True, default=dict)),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('container', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='lineage.node')),
            ],
        ),
        migrations.CreateModel(
            name='Edge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rel', models.SmallIntegerField(choices=[(1, 'consumed by'), (2, 'ran in'), (3, 'environment of'), (4, 'produced'), (5, 'derived into'), (6, 'evaluated in'), (7, 'evaluation data of'), (8, 'deployed as'), (9, 'serves')])),
                ('role', models.CharField(blank=True, default='', max_length=32)),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('dst', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='in_edges', to='lineage.node')),
                ('src', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='out_edges', to='lineage.node')),
            ],
        ),
        migrations.CreateModel(
            name='Quarantine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=1000)),
                ('placed_by', models.CharField(max_length=150)),
                ('placed_at', models.DateTimeField(auto_now_add=True)),
                ('released_by', models.CharField(blank=True, default='', max_length=150)),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('release_reason', models.CharField(blank=True, default='', max_length=1000)),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quarantines', to='lineage.node')),
            ],
        ),
        migrations.CreateModel(
            name='EdgeAssertion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edge_id', models.BigIntegerField(db_index=True)),
                ('assertion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='lineage.assertion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('edge_id', 'assertion'), name='lineage_edge_witness')],
            },
        ),
        migrations.AddIndex(
            model_name='node',
            index=models.Index(fields=['kind', 'name'], name='lineage_node_kind_name'),
        ),
        migrations.AddIndex(
            model_name='node',
            index=models.Index(condition=models.Q(('digest', ''), _negated=True), fields=['digest'], name='lineage_node_digest'),
        ),
        migrations.AddIndex(
            model_name='edge',
            index=models.Index(fields=['dst', 'src', 'rel'], name='lineage_edge_reverse'),
        ),
        migrations.AddConstraint(
            model_name='edge',
            constraint=models.UniqueConstraint(fields=('src', 'dst', 'rel', 'role'), name='lineage_edge_forward'),
        ),
        migrations.AddConstraint(
            model_name='edge',
            constraint=models.CheckConstraint(condition=models.Q(('src', models.F('dst')), _negated=True), name='lineage_edge_no_loop'),
        ),
        migrations.AddConstraint(
            model_name='quarantine',
            constraint=models.UniqueConstraint(condition=models.Q(('released_at__isnull', True)), fields=('node',), name='lineage_quarantine_stands'),
        ),
        migrations.AddConstraint(
            model_name='quarantine',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='lineage_quarantine_reason'),
        ),
        migrations.AddConstraint(
            model_name='quarantine',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('release_reason', ''), ('released_at__isnull', True), ('released_by', '')), models.Q(('released_at__isnull', False), models.Q(('released_by', ''), _negated=True), models.Q(('release_reason', ''), _negated=True)), _connector='OR'), name='lineage_quarantine_release'),
        ),
        AppendOnly("lineage_assertion"),
        AppendOnly("lineage_edgeassertion"),
        AppendOnly("lineage_retractededge"),
        Guard("lineage_edge", "no_update", on="UPDATE", message="lineage_edge is append-only"),
        Guard(
            "lineage_edge",
            "kept",
            on="DELETE",
            when="NOT EXISTS (SELECT 1 FROM lineage_retractededge kept WHERE kept.edge_id = OLD.id)",
            message="lineage_edge is append-only: an edge is deleted only after it was kept as retracted",
        ),
        Guard("lineage_quarantine", "no_delete", on="DELETE", message="lineage_quarantine is append-only but for one release"),
        Guard(
            "lineage_quarantine",
            "released_once",
            on="UPDATE",
            when="OLD.released_at IS NOT NULL OR " + any_changed("id", "node_id", "reason", "placed_by", "placed_at"),
            message="lineage_quarantine is append-only but for one release",
        ),
    ]
