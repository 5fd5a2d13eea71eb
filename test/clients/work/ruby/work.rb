# A piece of work with ruby-docker-api. Each section's title begins with "== ".
require 'docker'
require 'json'
require 'rubygems/package'
$stdout.sync = true
Docker.url = ENV['DOCKER_HOST']
Docker.options = { read_timeout: 30 }

def show(title)
  puts "== #{title}"
  r = yield
  puts(r.is_a?(String) ? r : JSON.pretty_generate(r)) unless r.nil?
rescue StandardError => e
  puts "#{e.class} #{e.message.strip}"
end

show('version') { Docker.version.slice('Version', 'ApiVersion', 'MinAPIVersion', 'Os', 'Arch') }
show('info') { Docker.info.slice('Driver', 'ServerVersion', 'Images', 'Containers') }
box = Docker::Container.create('name' => 'rbbox', 'Image' => 'busybox', 'Cmd' => ['sh', '-c', 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done'], 'Env' => ['A=b'], 'Labels' => { 'role' => 'rb' })
show('start') { box.start; box.json['State'].slice('Status', 'Running', 'ExitCode', 'Error') }
sleep 0.3
show('logs') { box.logs(stdout: true).inspect }
show('exec') { box.exec(['sh', '-c', 'echo $A; echo bad >&2; exit 4']).inspect }
show('exec with input') { box.exec(['wc', '-c'], stdin: StringIO.new('twelve bytes')).inspect }
show('exec detached') { box.exec(['touch', '/tmp/detached'], detach: true).class.to_s }
show('store and read a file') { box.store_file('/tmp/rb.txt', 'hello'); box.read_file('/tmp/rb.txt') }
show('read no file') { box.read_file('/tmp/nofile') }
show('top') { box.top(ps_args: '-o pid,args').map(&:keys).first }
show('changes') { box.changes.map { |c| c['Path'] }.sort }
show('stats') { box.stats.keys.sort.join(' ') }
show('rename') { box.rename('rbbox2'); Docker::Container.get('rbbox2').info['Name'] }
show('list') { Docker::Container.all(filters: { label: ['role=rb'] }.to_json).map { |c| c.info.slice('Names', 'Image', 'Command', 'State', 'Labels') } }
show('commit') { i = box.commit(repo: 'rbmade', tag: '1'); Docker::Image.get('rbmade:1').info['RepoTags'] }
show('attach') do
  c = Docker::Container.create('Image' => 'busybox', 'Cmd' => ['cat'], 'OpenStdin' => true, 'StdinOnce' => true)
  r = c.tap(&:start).attach(stdin: StringIO.new("to and fro\n"))
  w = c.wait(10)
  c.delete
  [r, w]
end
show('build') { i = Docker::Image.build("FROM busybox\nRUN echo built >/made\nLABEL by=rb\n", 't' => 'rbbuilt:1'); i.json['Config']['Labels'] }
show('build that fails') { Docker::Image.build("FROM busybox\nRUN exit 5\n").id }
show('images') { Docker::Image.all.flat_map { |i| i.info['RepoTags'] }.sort }
show('image tag, remove') { i = Docker::Image.get('rbbuilt:1'); i.tag('repo' => 'rbother', 'tag' => '2'); %w[rbother:2 rbbuilt:1 rbmade:1].map { |n| Docker::Image.remove(n).size > 0 } }
show('image that is none') { Docker::Image.get('nope') }
show('network') { n = Docker::Network.create('rbnet'); n.connect(box.id); r = Docker::Network.get('rbnet').info['Containers'].size; n.disconnect(box.id); n.remove; r }
show('volume') { v = Docker::Volume.create('rbvol'); r = v.info.slice('Name', 'Driver', 'Scope', 'Options'); v.remove; r }
show('pause, unpause') { box.pause; a = box.json['State']['Status']; box.unpause; [a, box.json['State']['Status']] }
show('stop, wait, delete') { box.stop('timeout' => 5); r = box.wait(10); box.delete; r }
show('gone') { Docker::Container.get('rbbox2') }
