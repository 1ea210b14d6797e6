# stint for Nix: callPackage ./package.nix { src = ./stint-0.1.0-linux-x64.tar.gz; }, which packaging/tarball.sh makes.
{
  lib,
  stdenvNoCC,
  nodejs_24,
  makeWrapper,
  src
}:
stdenvNoCC.mkDerivation {
  pname = "stint";
  version = "0.1.0";
  inherit src;

  nativeBuildInputs = [ makeWrapper ];

  dontConfigure = true;
  dontBuild = true;

  installPhase = ''
    runHook preInstall
    PREFIX=$out SYSCONFDIR=$out/etc sh packaging/install.sh
    # A script that names the Node: bin/stint itself must stay the last thing before it.
    rm $out/bin/stint
    makeShellWrapper $out/lib/stint/bin/stint $out/bin/stint --set-default STINT_NODE ${lib.getExe nodejs_24}
    runHook postInstall
  '';

  meta = {
    description = "Jobserver for the whole machine: every build draws its job slots from one pool";
    license = lib.licenses.mit;
    mainProgram = "stint";
    platforms = [ "x86_64-linux" ];
  };
}
