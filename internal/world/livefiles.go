package world

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// The files of lived-in containers: the directory of their compose project, what
// their volumes hold, and what their programs write beside them. Names and owners are
// those of the usual images (from memory); the bytes of large files are made up when
// they are read and take no room.

// dependsOn is the label that compose writes of a service.
func (l *lived) dependsOn() (out []string) {
	for _, n := range l.needs {
		out = append(out, n+":service_started:false")
	}
	return out
}

// projectDir is what the labels of the lived-in containers name: the directory with
// the compose file.
func (h *Host) projectDir(t *image.Tree) {
	if h.cfg.Kind == "empty" {
		return
	}
	project, stack := h.project(), h.stack()
	dir := "/opt/" + project
	t.Dir(0o755, dir)
	var b strings.Builder
	secret := false
	b.WriteString("services:\n")
	var volumes []string
	for _, l := range stack {
		fmt.Fprintf(&b, "  %s:\n    image: %s\n", l.name, l.image)
		if l.dir == "/app" {
			b.WriteString("    working_dir: /app\n")
		}
		if l.cmd != nil {
			q, _ := json.Marshal(l.cmd)
			fmt.Fprintf(&b, "    command: %s\n", strings.ReplaceAll(string(q), ",", ", "))
		}
		if !l.dead {
			b.WriteString("    restart: unless-stopped\n")
		}
		if len(l.needs) > 0 {
			b.WriteString("    depends_on:\n")
			for _, n := range l.needs {
				b.WriteString("      - " + n + "\n")
			}
		}
		if len(l.env) > 0 {
			b.WriteString("    environment:\n")
			for _, e := range l.env {
				k, v, _ := strings.Cut(e, "=")
				secret = secret || strings.Contains(v, "$PW")
				fmt.Fprintf(&b, "      %s: %q\n", k, strings.ReplaceAll(v, "$PW", "${DB_PASSWORD}"))
			}
		}
		if len(l.ports) > 0 {
			b.WriteString("    ports:\n")
			for _, p := range slices.Sorted(maps.Keys(l.ports)) {
				fmt.Fprintf(&b, "      - \"%s:%s\"\n", l.ports[p], strings.TrimSuffix(p, "/tcp"))
			}
		}
		if !l.network {
			b.WriteString("    network_mode: bridge\n")
		}
		if l.volume != "" || l.bind != "" {
			b.WriteString("    volumes:\n")
		}
		if l.volume != "" {
			fmt.Fprintf(&b, "      - %s:%s\n", l.volume, l.dest)
			volumes = append(volumes, l.volume)
		}
		if l.bind != "" {
			fmt.Fprintf(&b, "      - ./%s:%s\n", l.bind, l.dir)
			bindFiles(t, dir+"/"+l.bind, l.bind)
		}
		b.WriteString("\n")
	}
	if len(volumes) > 0 {
		b.WriteString("volumes:\n")
		for _, v := range volumes {
			b.WriteString("  " + v + ":\n")
		}
	}
	t.File(dir+"/docker-compose.yml", 0o644, strings.TrimSuffix(b.String(), "\n")+"\n")
	if secret {
		t.File(dir+"/.env", 0o600, "DB_PASSWORD="+h.password()+"\n")
	}
}

// bindFiles are what a project's own directories hold.
func bindFiles(t *image.Tree, dir, name string) {
	file := func(p, text string) { t.File(path.Join(dir, p), 0o644, text) }
	switch name {
	case "nginx":
		file("default.conf", "server {\n    listen 80;\n    server_name _;\n\n    location / {\n        proxy_pass http://app:3000;\n        proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }\n}\n")
	case "app":
		file("package.json", "{\n  \"name\": \"app\",\n  \"version\": \"1.8.2\",\n  \"private\": true,\n  \"scripts\": {\n    \"build\": \"nest build\",\n    \"start\": \"node dist/main.js\"\n  },\n  \"dependencies\": {\n    \"@nestjs/common\": \"^10.3.7\",\n    \"@nestjs/core\": \"^10.3.7\",\n    \"@nestjs/typeorm\": \"^10.0.2\",\n    \"ioredis\": \"^5.3.2\",\n    \"pg\": \"^8.11.5\"\n  }\n}\n")
		file("dist/main.js", "\"use strict\";\nObject.defineProperty(exports, \"__esModule\", { value: true });\nconst core_1 = require(\"@nestjs/core\");\nconst app_module_1 = require(\"./app.module\");\nasync function bootstrap() {\n    const app = await core_1.NestFactory.create(app_module_1.AppModule);\n    await app.listen(process.env.PORT || 3000);\n}\nbootstrap();\n")
		t.Blob(dir+"/package-lock.json", 0o644, 318211)
		t.Blob(dir+"/dist/app.module.js", 0o644, 2114)
		t.Dir(0o755, dir+"/node_modules/@nestjs/common", dir+"/node_modules/@nestjs/core", dir+"/node_modules/ioredis", dir+"/node_modules/pg", dir+"/node_modules/typeorm")
	case "prometheus":
		file("prometheus.yml", "global:\n  scrape_interval: 15s\n\nscrape_configs:\n  - job_name: prometheus\n    static_configs:\n      - targets: ['localhost:9090']\n  - job_name: node\n    static_configs:\n      - targets: ['node-exporter:9100']\n")
	case "src":
		file("manage.py", "#!/usr/bin/env python\nimport os\nimport sys\n\nif __name__ == \"__main__\":\n    os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"app.settings\")\n    from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\n")
		file("requirements.txt", "Django==4.2.11\ncelery==5.3.6\ngunicorn==21.2.0\npsycopg2-binary==2.9.9\nredis==5.0.3\n")
		file("app/__init__.py", "from .celery import app as celery_app\n")
		file("app/celery.py", "import os\nfrom celery import Celery\n\napp = Celery(\"app\", broker=\"redis://redis:6379/0\")\napp.autodiscover_tasks()\n")
		file("app/wsgi.py", "import os\nfrom django.core.wsgi import get_wsgi_application\n\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"app.settings.production\")\napplication = get_wsgi_application()\n")
		file("app/settings/__init__.py", "")
		t.Blob(dir+"/app/settings/base.py", 0o644, 3120)
		t.Blob(dir+"/app/settings/production.py", 0o644, 611)
	}
}

// total is how much its volume holds.
func (l *lived) total(h *Host) int64 { return l.size + h.rng("volume", l.volume).Int64N(l.size/3+1) }

// volumeTree is what a lived-in container's volume holds: the same in each world.
func (h *Host) volumeTree(l lived, at time.Time) *vfs.Layer {
	if v, ok := h.trees.vols.Load(l.volume); ok {
		return v.(*vfs.Layer) //nolint:forcetypeassert // nothing else is stored there
	}
	t := &image.Tree{}
	r := h.rng("volume-files", l.volume)
	total := l.total(h)
	var uid, gid uint32
	file := func(mode vfs.Mode, size int64, names ...string) {
		for _, n := range names {
			t.OwnBlob("/"+n, mode, uid, gid, size)
		}
	}
	dirs := func(mode vfs.Mode, names string) {
		for n := range strings.FieldsSeq(names) {
			t.OwnDir(mode, uid, gid, "/"+n)
		}
	}
	text := func(n, s string) { t.OwnFile("/"+n, 0o600, uid, gid, s) }
	// rest gives what is left of the volume to files of a kind, the larger first.
	rest := func(mode vfs.Mode, unit int64, name func(i int, r *rand.Rand) string) {
		left := max(total-t.Size(), unit)
		for i := 0; left > 0; i++ {
			n := min(left, max(unit, left/int64(3+r.IntN(5))/unit*unit))
			t.OwnBlob("/"+name(i, r), mode, uid, gid, n)
			left -= n
		}
	}
	root := vfs.Mode(0o755)
	switch l.image {
	case "postgres":
		uid, gid, root = 999, 999, 0o700
		dirs(0o700, "base base/1 base/4 base/5 base/16384 global pg_commit_ts pg_dynshmem pg_logical pg_logical/mappings pg_logical/snapshots pg_multixact pg_multixact/members pg_multixact/offsets pg_notify pg_replslot pg_serial pg_snapshots pg_stat pg_stat_tmp pg_subtrans pg_tblspc pg_twophase pg_wal pg_wal/archive_status pg_xact")
		text("PG_VERSION", "16\n")
		text("pg_hba.conf", "# PostgreSQL Client Authentication Configuration File\nlocal   all             all                                     trust\nhost    all             all             127.0.0.1/32            trust\nhost    all             all             ::1/128                 trust\nhost all all all scram-sha-256\n")
		text("postmaster.opts", "/usr/lib/postgresql/16/bin/postgres\n")
		text("postmaster.pid", fmt.Sprintf("1\n/var/lib/postgresql/data\n%d\n5432\n/var/run/postgresql\n*\n   2228263         0\nready   \n", at.Unix()))
		text("postgresql.auto.conf", "# Do not edit this file manually!\n# It will be overwritten by the ALTER SYSTEM command.\n")
		file(0o600, 29691, "postgresql.conf")
		file(0o600, 2640, "pg_ident.conf")
		file(0o600, 8192, "global/pg_control", "global/1262", "global/1260", "pg_xact/0000", "pg_multixact/members/0000", "pg_multixact/offsets/0000", "pg_subtrans/0000")
		for _, db := range []string{"1", "4", "5", "16384"} {
			text("base/"+db+"/PG_VERSION", "16\n")
			for _, rel := range []int{112, 113, 1247, 1249, 1255, 1259, 2600, 2601, 2602, 2603, 2604, 2605, 2606, 2607, 2608, 2609, 2610, 2611, 2612, 2613, 2615, 2616, 2617, 2618, 2619, 2620, 2753, 2836, 2838, 3079, 3118, 3119, 3256, 3394, 3456, 3541, 3600, 3601, 3602, 3764, 4153, 6102, 6104, 6106} {
				file(0o600, 8192*int64(1+rel%7*rel%3), fmt.Sprintf("base/%s/%d", db, rel))
			}
		}
		file(0o600, 16<<20, "pg_wal/000000010000000000000003", "pg_wal/000000010000000000000004")
		rest(0o600, 8192, func(i int, _ *rand.Rand) string { return fmt.Sprintf("base/16384/%d", 16389+i*7) })
	case "redis":
		uid, gid = 999, 999
		rest(0o600, total, func(int, *rand.Rand) string { return "dump.rdb" })
	case "mariadb":
		uid, gid = 999, 999
		dirs(0o700, "mysql performance_schema sys wordpress")
		file(0o660, 417792, "aria_log.00000001")
		file(0o660, 52, "aria_log_control")
		file(0o660, 6, "ddl_recovery.log")
		file(0o660, 100663296, "ib_logfile0")
		file(0o660, 12582912, "ibdata1", "ibtmp1")
		file(0o660, 10485760, "undo001", "undo002", "undo003")
		t.OwnFile("/multi-master.info", 0o660, uid, gid, "")
		t.OwnFile("/mariadb_upgrade_info", 0o660, 0, 0, "11.3.2-MariaDB")
		for _, n := range strings.Fields("column_stats columns_priv db event func global_priv gtid_slave_pos help_category help_keyword help_relation help_topic index_stats innodb_index_stats innodb_table_stats plugin proc procs_priv proxies_priv roles_mapping servers table_stats tables_priv time_zone transaction_registry") {
			file(0o660, 1400+int64(len(n))*37, "mysql/"+n+".frm")
			file(0o660, 8192, "mysql/"+n+".MAI", "mysql/"+n+".MAD")
		}
		t.OwnFile("/wordpress/db.opt", 0o660, uid, gid, "default-character-set=utf8mb4\ndefault-collation=utf8mb4_general_ci\n")
		for _, n := range strings.Fields("commentmeta comments links options postmeta posts term_relationships term_taxonomy termmeta terms usermeta users") {
			file(0o660, 1100+int64(len(n))*61, "wordpress/wp_"+n+".frm")
			file(0o660, 163840, "wordpress/wp_"+n+".ibd")
		}
		rest(0o660, 16384, func(i int, _ *rand.Rand) string { return fmt.Sprintf("wordpress/wp_actionscheduler_%d.ibd", i) })
	case "wordpress":
		uid, gid = 33, 33
		for n, size := range map[string]int64{"index.php": 405, "license.txt": 19915, "readme.html": 7401, "wp-activate.php": 7387, "wp-blog-header.php": 351, "wp-comments-post.php": 2323, "wp-config-sample.php": 3012, "wp-cron.php": 5638, "wp-links-opml.php": 2502, "wp-load.php": 3927, "wp-login.php": 50917, "wp-mail.php": 8525, "wp-settings.php": 28427, "wp-signup.php": 34385, "wp-trackback.php": 4885, "xmlrpc.php": 3246} {
			file(0o644, size, n)
		}
		t.OwnFile("/wp-config.php", 0o644, uid, gid, "<?php\ndefine( 'DB_NAME', getenv_docker('WORDPRESS_DB_NAME', 'wordpress') );\ndefine( 'DB_USER', getenv_docker('WORDPRESS_DB_USER', 'example username') );\ndefine( 'DB_PASSWORD', getenv_docker('WORDPRESS_DB_PASSWORD', 'example password') );\ndefine( 'DB_HOST', getenv_docker('WORDPRESS_DB_HOST', 'mysql') );\n$table_prefix = getenv_docker('WORDPRESS_TABLE_PREFIX', 'wp_');\nrequire_once ABSPATH . 'wp-settings.php';\n")
		t.OwnFile("/.htaccess", 0o644, uid, gid, "# BEGIN WordPress\nRewriteEngine On\nRewriteBase /\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule . /index.php [L]\n# END WordPress\n")
		dirs(0o755, "wp-admin wp-admin/css wp-admin/images wp-admin/includes wp-admin/js wp-admin/network wp-content wp-content/languages wp-content/plugins wp-content/plugins/akismet wp-content/plugins/contact-form-7 wp-content/plugins/elementor wp-content/themes wp-content/themes/astra wp-content/themes/twentytwentyfour wp-content/upgrade wp-content/uploads wp-includes wp-includes/blocks wp-includes/css wp-includes/fonts wp-includes/js")
		for _, n := range strings.Fields("admin-ajax about admin-footer admin-header admin-post admin comment customize edit-comments edit export import index media-new media menu options-general plugins post-new post profile setup-config themes tools update-core upgrade upload user-edit user-new users") {
			file(0o644, 1800+int64(len(n))*911, "wp-admin/"+n+".php")
		}
		for _, n := range strings.Fields("admin-bar block-editor blocks cache capabilities category class-wp class-wp-query class-wp-theme comment cron default-filters deprecated embed feed formatting functions general-template http kses l10n link-template load media meta ms-blogs nav-menu option pluggable plugin post query rest-api rewrite script-loader taxonomy theme update user version widgets") {
			file(0o644, 9000+int64(len(n))*2711, "wp-includes/"+n+".php")
		}
		rest(0o644, 4096, func(i int, r *rand.Rand) string {
			return fmt.Sprintf("wp-content/uploads/%s/IMG_%04d.jpg", at.AddDate(0, -i%9, 0).Format("2006/01"), 1000+i*31+r.IntN(30))
		})
	case "grafana/grafana":
		uid, gid, root = 472, 0, 0o777
		dirs(0o755, "csv pdf plugins png alerting alerting/1")
		rest(0o640, 4096, func(i int, _ *rand.Rand) string {
			if i == 0 {
				return "grafana.db"
			}
			return fmt.Sprintf("plugins/grafana-piechart-panel/module-%d.js", i)
		})
	case "prom/prometheus":
		uid, gid = 65534, 65534
		dirs(0o755, "chunks_head wal")
		file(0o644, 20001, "queries.active")
		t.OwnFile("/lock", 0o644, uid, gid, "")
		file(0o644, 134217728, "wal/00000412", "wal/00000413")
		file(0o644, 71303168, "wal/00000414")
		file(0o644, 33554432, "chunks_head/000207")
		for left := max(total-t.Size(), 8<<20); left > 0; {
			n := min(left, max(8<<20, left/4))
			b := ulid(at.Add(-time.Duration(left>>16)*time.Second), r)
			dirs(0o755, b+" "+b+"/chunks")
			file(0o644, n*9/10, b+"/chunks/000001")
			file(0o644, n-n*9/10, b+"/index")
			t.OwnFile("/"+b+"/meta.json", 0o644, uid, gid, "{\n\t\"ulid\": \""+b+"\",\n\t\"version\": 1\n}\n")
			t.OwnFile("/"+b+"/tombstones", 0o644, uid, gid, "\x01\x30\xba\x30\x01\x00\x00\x00\x00")
			left -= n
		}
	case "registry":
		dirs(0o755, "docker docker/registry docker/registry/v2 docker/registry/v2/blobs docker/registry/v2/blobs/sha256 docker/registry/v2/repositories")
		for _, repo := range []string{"api", "web"} {
			for _, d := range []string{"_layers/sha256", "_manifests/revisions/sha256", "_manifests/tags/latest/current", "_uploads"} {
				t.Dir(0o755, "/docker/registry/v2/repositories/"+h.project()+"/"+repo+"/"+d)
			}
			t.File("/docker/registry/v2/repositories/"+h.project()+"/"+repo+"/_manifests/tags/latest/current/link", 0o644, "sha256:"+h.hexID("registry-tag", repo))
		}
		rest(0o644, 4096, func(i int, _ *rand.Rand) string {
			d := h.hexID("registry-blob", fmt.Sprint(i))
			return "docker/registry/v2/blobs/sha256/" + d[:2] + "/" + d + "/data"
		})
	case "jenkins/jenkins":
		uid, gid = 1000, 1000
		dirs(0o755, "jobs jobs/build jobs/deploy jobs/build/builds jobs/deploy/builds logs nodes plugins secrets updates userContent users war workflow-libs")
		t.OwnFile("/config.xml", 0o644, uid, gid, "<?xml version='1.1' encoding='UTF-8'?>\n<hudson>\n  <version>2.440.3</version>\n  <numExecutors>2</numExecutors>\n  <useSecurity>true</useSecurity>\n</hudson>\n")
		t.OwnFile("/jenkins.install.UpgradeWizard.state", 0o644, uid, gid, "2.440.3")
		file(0o600, 272, "secrets/master.key")
		file(0o600, 32, "secrets/hudson.util.Secret")
		t.OwnFile("/secret.key", 0o600, uid, gid, h.hexID("jenkins-key"))
		t.OwnFile("/secret.key.not-so-secret", 0o600, uid, gid, "")
		t.OwnFile("/jobs/build/config.xml", 0o644, uid, gid, "<?xml version='1.1' encoding='UTF-8'?>\n<project>\n  <keepDependencies>false</keepDependencies>\n</project>\n")
		for _, n := range strings.Fields("ant antisamy-markup-formatter build-timeout cloudbees-folder credentials credentials-binding email-ext git git-client github github-api gradle ldap mailer matrix-auth pipeline-stage-view plain-credentials script-security ssh-credentials ssh-slaves structs timestamper token-macro workflow-aggregator workflow-api workflow-cps workflow-job ws-cleanup") {
			file(0o644, 90000+int64(len(n))*31000, "plugins/"+n+".jpi")
		}
		rest(0o644, 4096, func(i int, _ *rand.Rand) string { return fmt.Sprintf("jobs/build/builds/%d/archive/app.tar.gz", 240-i) })
	}
	t.OwnDir(root, uid, gid, "/")
	got, _ := h.trees.vols.LoadOrStore(l.volume, image.BuildTree(t, at, elf))
	return got.(*vfs.Layer) //nolint:forcetypeassert // nothing else is stored there
}

// livedWrites puts into a lived-in container's tree what its program wrote beside its
// volumes: docker diff shows it. World.mu is held.
func (w *World) livedWrites(c *Container) {
	if !c.shown || c.StartedAt.IsZero() || c.fs == nil {
		return
	}
	mnt := vfs.NewNamespace(c.fs, "overlay", "", false)
	at := c.StartedAt
	ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Now: func() int64 { return at.UnixNano() }}
	put := func(p string, mode vfs.Mode, uid uint32, text string) {
		n, err := mnt.Create(ctx, p, vfs.NewAttr{Mode: mode})
		if err != nil {
			return
		}
		if uid != 0 {
			perm := mode.Perm()
			_ = mnt.SetAttr(ctx, n, vfs.SetAttr{UID: &uid, GID: &uid, Mode: &perm})
		}
		if text != "" {
			_ = vfs.SetContent(ctx, n.Node(), vfs.Bytes(text))
		}
	}
	dir := func(p string, mode vfs.Mode, uid uint32) {
		if mnt.Mkdir(ctx, p, mode) != nil || uid == 0 {
			return
		}
		if n, err := mnt.Resolve(ctx, p, true); err == nil {
			_ = mnt.SetAttr(ctx, n, vfs.SetAttr{UID: &uid})
		}
	}
	for _, m := range c.Mounts {
		mkdirIn(mnt, ctx, m.Destination)
	}
	name, _, _ := strings.Cut(c.Config.Image, ":")
	switch name {
	case "nginx":
		for _, d := range []string{"client", "proxy", "fastcgi", "uwsgi", "scgi"} {
			dir("/var/cache/nginx/"+d+"_temp", 0o700, 101)
		}
		put("/run/nginx.pid", vfs.S_IFREG|0o644, 0, "1\n")
	case "postgres":
		put("/run/postgresql/.s.PGSQL.5432", vfs.S_IFSOCK|0o777, 999, "")
		put("/run/postgresql/.s.PGSQL.5432.lock", vfs.S_IFREG|0o600, 999, fmt.Sprintf("1\n/var/lib/postgresql/data\n%d\n5432\n/var/run/postgresql\n\n", at.Unix()))
	case "mariadb":
		put("/run/mysqld/mysqld.pid", vfs.S_IFREG|0o660, 999, "1\n")
		put("/run/mysqld/mysqld.sock", vfs.S_IFSOCK|0o777, 999, "")
	case "wordpress":
		put("/run/apache2/apache2.pid", vfs.S_IFREG|0o644, 0, "1\n")
	case "jenkins/jenkins":
		dir("/tmp/hsperfdata_jenkins", 0o755, 1000)
		put("/tmp/hsperfdata_jenkins/7", vfs.S_IFREG|0o600, 1000, strings.Repeat("\x00", 32768))
		dir("/tmp/jetty-0_0_0_0-8080-war-_-any-"+fmt.Sprint(at.UnixNano()), 0o700, 1000)
	}
}
